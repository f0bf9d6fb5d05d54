"""A second ingest of BraTS: who is in the cache stays, and both grades keep their shares."""

from collections import Counter

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.volumes.records import DATASET_RECORD
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.files import save_record

RECIPE = load_recipe("cpu-3d")
KINDS = ("t1", "t1ce", "t2", "flair", "seg")


def add(source, grade, numbers):
    for number in numbers:
        name = f"Brats18_{grade}{number}_1"
        folder = source / grade / name
        folder.mkdir(parents=True)
        for kind in KINDS:
            (folder / f"{name}_{kind}.nii.gz").touch()


def planned(source, cache):
    """What an ingest would store, and its notes; the record is written as an ingest does."""
    made = plan(find("brats", source), cache, RECIPE)
    (cache / "brats").mkdir(parents=True, exist_ok=True)
    save_record(made.record, cache / "brats" / DATASET_RECORD)
    return made.record, made.notes


def shares(record):
    return Counter((entry.stratum, entry.split) for entry in record.cases.values())


def test_an_ingest_of_more_keeps_who_is_there_and_restores_the_shares(tmp_path):
    add(tmp_path / "data", "HGG", range(20))
    add(tmp_path / "data", "LGG", range(10))
    first, notes = planned(tmp_path / "data", tmp_path / "cache")
    assert shares(first) == {
        ("HGG", "train"): 14, ("HGG", "val"): 2, ("HGG", "test"): 4,
        ("LGG", "train"): 7, ("LGG", "val"): 1, ("LGG", "test"): 2,
    }  # fmt: skip
    assert not notes
    assert first.strata == "grade"
    add(tmp_path / "data", "HGG", range(20, 30))
    second, notes = planned(tmp_path / "data", tmp_path / "cache")
    assert {name: second.cases[name] for name in first.cases} == first.cases
    assert shares(second)["HGG", "test"] == 6
    assert shares(second)["HGG", "val"] == 3
    assert not notes
    assert planned(tmp_path / "data", tmp_path / "cache")[0] == second


def test_a_cache_of_an_earlier_version_keeps_its_split_and_says_so(tmp_path):
    add(tmp_path / "data", "HGG", range(20))
    add(tmp_path / "data", "LGG", range(10))
    record, _ = planned(tmp_path / "data", tmp_path / "cache")
    earlier = {
        name: entry.model_copy(update={"stratum": "", "split": "test" if number % 2 else "train"})
        for number, (name, entry) in enumerate(record.cases.items())
    }
    path = tmp_path / "cache" / "brats" / DATASET_RECORD
    save_record(record.model_copy(update={"cases": earlier, "strata": ""}), path)
    now, notes = planned(tmp_path / "data", tmp_path / "cache")
    assert {name: entry.split for name, entry in now.cases.items()} == {
        name: entry.split for name, entry in earlier.items()
    }
    assert {entry.stratum for entry in now.cases.values()} == {"HGG", "LGG"}
    (note,) = notes
    assert note.startswith("30 patients of the cache, whose grade it did not know, stay")


def test_without_grades_it_is_said_and_the_hash_decides_alone(tmp_path):
    add(tmp_path / "data", "other", range(12))
    record, notes = planned(tmp_path / "data", tmp_path / "cache")
    assert "grade is stated of no case: patients are divided by the hash of their names alone" in notes
    assert {entry.stratum for entry in record.cases.values()} == {""}
