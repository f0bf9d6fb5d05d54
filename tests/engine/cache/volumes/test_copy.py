"""A copy that is made again takes along what has changed, says what, and is what an ingest would have written."""

import shutil

import numpy as np
import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.ingest import ingest
from tests.helpers import scans
from tests.helpers.cache import faults, flip, read_in_this_process, tree
from tests.helpers.command import pcrl


@pytest.fixture(params=["zarr", "hdf5"])
def place(request, tmp_path, monkeypatch):
    """Scans, a cache of them, and a copy of it in either format."""
    read_in_this_process(monkeypatch)
    for n in range(4):
        scans.write(tmp_path / f"lits/volume-{n}.nii", scans.body())
        if n < 2:
            write_label(tmp_path, n, 0)
    ingested(tmp_path, tmp_path / "cache")
    assert "4 cases copied" in copied(tmp_path, request.param).stdout
    return tmp_path, request.param


def write_label(place, number, above):
    scans.write(place / f"lits/segmentation-{number}.nii", (scans.body() > above).astype(np.uint8))


def ingested(place, cache, **settings):
    assert not ingest("lits", place / "lits", cache=cache, recipe="cpu-3d", workers=1, **settings).failed


def copied(place, storage):
    done = pcrl("cache", "copy", "cache", "copy", "--format", storage, cwd=place)
    assert "Traceback" not in done.stderr
    return done


def test_labels_cases_and_tables_come_along(place):
    place, storage = place
    image = {"zarr": "image.ome.zarr/0/c/0/0/0/0", "hdf5": "image.h5"}[storage]
    kept = [(place / f"copy/lits/cases/volume-{n}" / image).stat().st_ino for n in range(4)]
    write_label(place, 0, 500)  # changed
    (place / "lits/segmentation-1.nii").unlink()  # removed
    write_label(place, 2, 0)  # added
    scans.write(place / "lits/volume-3.nii", scans.body()[::-1].copy())  # another scan
    scans.write(place / "lits/volume-4.nii", scans.body())  # new
    ingested(place, place / "cache")
    done = copied(place, storage)
    assert done.returncode == 0, done.stderr
    for text in (
        "5 cases copied to copy", "0 were there already", "1 label changed: volume-0", "1 label removed: volume-1",
        "1 label added: volume-2", "1 scan changed or damaged, copied anew: volume-3",
    ):  # fmt: skip
        assert text in done.stdout, text
    now = [(place / f"copy/lits/cases/volume-{n}" / image).stat().st_ino for n in range(4)]
    assert now[:3] == kept[:3]
    assert not faults(place / "copy/lits")
    ingested(place, place / "fresh", storage=storage)
    fresh, copy = tree(place / "fresh/lits"), tree(place / "copy/lits")
    assert {name: what for name, what in copy.items() if "/" in name} == {
        name: what for name, what in fresh.items() if "/" in name
    }
    again = copied(place, storage)
    assert "0 cases copied" in again.stdout
    assert "note" not in again.stdout
    assert tree(place / "copy/lits") == copy


def test_splits_and_patients_come_along(place):
    place, storage = place
    opened = Cache(place / "cache").dataset("lits")
    record = place / "cache/lits/dataset.json"
    (place / "cache/lits/files.json").unlink()
    before = opened.record.cases["volume-1"].split
    now = "test" if before != "test" else "train"
    entries = dict(opened.record.cases)
    entries["volume-1"] = entries["volume-1"].model_copy(update={"split": now})
    entries["volume-2"] = entries["volume-2"].model_copy(update={"patient": "Anna"})
    record.write_text(opened.record.model_copy(update={"cases": entries}).model_dump_json())
    done = copied(place, storage)
    assert f"1 case with another split or fold: volume-1 ({before}, now {now})" in done.stdout
    assert "1 case of another patient: volume-2 (volume-2, now Anna)" in done.stdout
    assert Cache(place / "copy").dataset("lits").record.cases == entries
    assert not faults(place / "copy/lits")


def test_a_damaged_copy_is_made_anew(place):
    place, storage = place
    (place / "copy/lits/cases/volume-1/occupancy.npy").unlink()
    assert "1 scan changed or damaged, copied anew: volume-1" in copied(place, storage).stdout
    assert not faults(place / "copy/lits")


def test_a_damaged_label_of_the_origin_leaves_the_copy_as_it_was(place):
    place, storage = place
    write_label(place, 0, 500)
    ingested(place, place / "cache")
    flip(place / "cache/lits/cases/volume-0/image.ome.zarr/labels/segmentation/0/c/0/0/0", 30)
    before = tree(place / "copy/lits/cases")
    done = copied(place, storage)
    assert done.returncode == 1
    assert "labels/segmentation/0/c/0/0/0: chunk (0, 0, 0) is damaged" in done.stderr
    assert tree(place / "copy/lits/cases") == before


@pytest.mark.parametrize("what", ["other cases", "other files", "another format"])
def test_what_is_no_copy_is_not_written_to(place, what):
    place, storage = place
    shutil.rmtree(place / "copy")
    for n in range(4 if what == "other files" else 6):
        scans.write(place / f"others/lits/volume-{n}.nii", scans.body()[:, ::-1].copy())
    kind = storage if what != "another format" else {"zarr": "hdf5", "hdf5": "zarr"}[storage]
    source = place / "lits" if what == "another format" else place / "others/lits"
    assert not ingest("lits", source, cache=place / "copy", recipe="cpu-3d", workers=1, storage=kind).failed
    before = tree(place / "copy")
    done = copied(place, storage)
    assert done.returncode == 1
    assert "is not a copy of" in done.stderr
    assert "Give another folder" in done.stderr
    assert tree(place / "copy") == before
