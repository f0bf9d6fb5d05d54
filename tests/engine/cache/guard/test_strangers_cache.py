"""A cache from a stranger: nothing beyond it is deleted, written or read, whatever its records and links say."""

import json
import os
import shutil

import numpy as np
import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.ingest import ingest
from tests.helpers import radiographs, scans
from tests.helpers.cache import faults, read_in_this_process, tree
from tests.helpers.command import pcrl

SMALL = ("--recipe", "cpu-3d", "--workers", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Sources and a cache of volumes and of images, and a folder beside them that nobody may touch."""
    folder = tmp_path_factory.mktemp("made")
    for n in range(2):
        scans.write(folder / f"lits/volume-{n}.nii", scans.body())
    scans.write(folder / "lits/segmentation-0.nii", (scans.body() > 0).astype(np.uint8))
    radiographs.chexpert(folder / "chexpert", patients=2, valid=1)
    ingest("lits", folder / "lits", cache=folder / "cache", recipe="cpu-3d", workers=1)
    ingest("chexpert", folder / "chexpert", cache=folder / "cache", recipe="cpu-2d", size=64)
    return folder


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    read_in_this_process(monkeypatch)


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made / "cache", tmp_path / "cache", symlinks=True)
    (tmp_path / "victim/commit").mkdir(parents=True)
    (tmp_path / "victim/commit.json").write_text('{"format": 1, "files": {}}')
    (tmp_path / "victim/precious.txt").write_text("precious")
    (tmp_path / "source").symlink_to(made)
    return tmp_path


def every_command(place, dataset):
    """Whatever reads or writes a data set; what each of them ends with is not asked here."""
    small = (
        ("--workers", "1", "--recipe", "cpu-3d")
        if dataset == "lits"
        else ("--recipe", "cpu-2d", "--size", "64")
    )
    ingest = ("ingest", "--dataset", dataset, "--source", f"source/{dataset}", *small)
    return [
        pcrl(*words, cwd=place)
        for words in (
            ("cache", "info", "--dataset", dataset),
            ("cache", "verify"),
            ingest,
            ("cache", "verify", "--discard"),
            ("cache", "upgrade"),
            ("cache", "copy", "cache", "copied"),
            ("cache", "preview", "--out", "sheet.png", "--dataset", dataset, "--count", "1"),
            ingest,
        )
    ]


def rename_in(path, before, now):
    path.write_text(path.read_text().replace(json.dumps(before), json.dumps(now)))


RECORDS = {
    "a case": ("lits/dataset.json", "volume-1", "../../../victim"),
    "an absolute case": ("lits/dataset.json", "volume-1", "{victim}"),
    "the data set": ("lits/dataset.json", "lits", "../../victim"),
    "a case's own name": ("lits/cases/volume-1/case.json", "volume-1", "../../../victim"),
    "a file of a case": ("lits/cases/volume-1/commit.json", "occupancy.npy", "../../../../victim/precious.txt"),
    "a file of the data set": ("lits/files.json", "dataset.json", "../../victim/precious.txt"),
    "images": ("chexpert/images.json", "chexpert", "../../victim"),
    "an image": ("chexpert/shards/000000.json", "train/patient00001/study1/view1_frontal", "../../../victim"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", RECORDS)
@pytest.mark.parametrize("with_digests", [True, False], ids=["digests", "earlier"])
def test_a_name_in_a_record_leads_nowhere(place, what, with_digests):
    name, before, now = RECORDS[what]
    if not with_digests:
        for path in place.glob("cache/*/files.json"):
            path.unlink()
        if name.endswith("files.json"):
            return
    rename_in(place / "cache" / name, before, now.format(victim=place / "victim"))
    kept = tree(place / "victim")
    done = every_command(place, name.partition("/")[0])
    assert tree(place / "victim") == kept
    assert not [one.stderr for one in done if "Traceback" in one.stderr]
    assert {path.name for path in place.iterdir()} <= {"cache", "victim", "source", "copied", "sheet.png"}


LINKS = [
    "lits/cases/volume-1", "lits/cases", "lits/cases/volume-0/image.ome.zarr", "lits/cases/volume-0/image.ome.zarr/0/c",
    "lits/cases/volume-0/image.ome.zarr/labels", "lits/cases/volume-0/case.json", "lits/cases/volume-1/commit.json",
    "lits/dataset.json", "lits/files.json", "lits/.lock", "lits/.workers.lock", "lits/tables", "lits",
    "lits/.files.json.partial", "lits/.dataset.json.partial", "lits/cases/.volume-1.partial",
    "lits/cases/.volume-1.old", "lits/lost+found", "chexpert/shards", "chexpert/shards/000000.npy",
    "chexpert/images.zarr", "chexpert/images.zarr/c", "chexpert/images.zarr/c/0/0/0", "chexpert/table.csv",
    "chexpert/.table.csv.partial", "chexpert/.images.zarr.partial", "chexpert/images.json", "chexpert",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["the same", "precious"])
@pytest.mark.parametrize("name", LINKS)
def test_a_link_leads_nowhere(place, name, kind):
    """One to where the same lies as was here, and one to what has nothing to do with a cache."""
    path = place / "cache" / name
    target = place / "victim" / ("elsewhere" if kind == "the same" else "precious.txt")
    if path.exists():
        path.rename(place / "victim/elsewhere")
    if kind == "precious" and (place / "victim/elsewhere").is_dir():
        target = place / "victim"
    if not target.exists():
        return
    path.symlink_to(target)
    kept = tree(place / "victim")
    done = every_command(place, name.partition("/")[0])
    assert tree(place / "victim") == kept
    assert not [one.stderr for one in done if "Traceback" in one.stderr]


@pytest.mark.parametrize(
    "name", ["lits/cases/volume-1", "lits/cases", "chexpert/images.zarr/c", "chexpert/table.csv"]
)
def test_a_link_is_named_put_aside_and_what_it_hid_is_made_anew(place, made, name):
    path = place / "cache" / name
    path.rename(place / "victim/elsewhere")
    path.symlink_to(place / "victim/elsewhere")
    dataset = name.partition("/")[0]
    refused = pcrl("ingest", "--dataset", dataset, "--source", f"source/{dataset}", cwd=place)
    assert refused.returncode == 1
    assert f"{name} is a symbolic link: pcrl makes none in a cache" in refused.stderr
    assert faults(place / "cache" / dataset)[name.partition("/")[2]] == (
        "a symbolic link, which pcrl neither makes nor follows",
    )
    assert pcrl("cache", "verify", "--discard", cwd=place).returncode == 0
    assert pcrl("ingest", "--dataset", dataset, "--source", f"source/{dataset}", cwd=place).returncode == 0
    shutil.rmtree(place / "cache" / dataset / "lost+found")
    assert tree(place / "cache" / dataset) == tree(made / "cache" / dataset)


def test_a_cache_that_is_itself_a_link_is_as_good_as_any(place):
    (place / "cache").rename(place / "scratch")
    (place / "cache").symlink_to(place / "scratch")
    (place / "scratch/lits/cases/volume-1/commit.json").unlink()
    assert pcrl("cache", "verify", "--discard", cwd=place).returncode == 0
    assert pcrl("ingest", "--dataset", "lits", "--source", "source/lits", *SMALL, cwd=place).returncode == 0
    assert pcrl("cache", "verify", cwd=place).returncode == 0
    assert (place / "cache").is_symlink()


def test_what_is_not_pcrls_is_moved_and_not_deleted(place, made):
    cache = place / "cache/lits"
    foreign = {
        "notes.txt": b"a", "cases/volume-1/notes.txt": b"b", "cases/mine/x/data.bin": b"c",
        "cases/volume-0/image.ome.zarr/labels/mine.npy": b"d", "tables/more.csv": b"e",
    }  # fmt: skip
    for name, content in foreign.items():
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_bytes(content)
    (cache / "cases/volume-1/occupancy.npy").unlink()
    assert {name for name, why in faults(cache).items() if why == ("no record names it",)} == foreign.keys()
    # An ingest that replaces the case keeps what is not its own.
    assert pcrl("ingest", "--dataset", "lits", "--source", "source/lits", *SMALL, cwd=place).returncode == 0
    assert pcrl("cache", "verify", "--discard", cwd=place).returncode == 0
    kept = {path.read_bytes() for path in (cache / "lost+found").iterdir()}
    assert kept == set(foreign.values())
    shutil.rmtree(cache / "lost+found")
    assert pcrl("ingest", "--dataset", "lits", "--source", "source/lits", *SMALL, cwd=place).returncode == 0
    now, before = tree(cache), tree(made / "cache/lits")
    assert {name: what for name, what in now.items() if what != "folder"} == {
        name: what for name, what in before.items() if what != "folder"
    }


def test_two_names_that_a_file_system_may_not_tell_apart_are_two_cases(place):
    """Nothing is taken for a case whose folder is not called exactly so."""
    path = place / "cache/lits/dataset.json"
    (place / "cache/lits/files.json").unlink()
    rename_in(path, "volume-1", "VOLUME-1")
    opened = Cache(place / "cache").dataset("lits")
    assert [case.name for case in opened.cases] == ["volume-0"]
    assert list(opened.absent()) == ["VOLUME-1"]


def test_a_lock_that_is_a_link_is_refused(place):
    (place / "cache/lits/.lock").unlink()
    (place / "cache/lits/.lock").symlink_to(place / "victim/precious.txt")
    with pytest.raises(CacheError, match=r"\.lock is a symbolic link"):
        ingest("lits", place / "source/lits", cache=place / "cache", recipe="cpu-3d", workers=1)
    assert (place / "victim/precious.txt").read_text() == "precious"


def test_a_data_set_that_is_a_link_is_named_and_left_alone(place):
    (place / "cache/lits").rename(place / "victim/lits")
    (place / "cache/lits").symlink_to(place / "victim/lits")
    kept = tree(place / "victim")
    for words in (("verify",), ("verify", "--discard")):
        done = pcrl("cache", *words, cwd=place)
        assert "damaged lits: a symbolic link, which pcrl does not follow: take it away" in done.stdout
        assert "chexpert" in done.stdout
    with pytest.raises(CacheError, match="lits is a symbolic link"):
        Cache(place / "cache").dataset("lits")
    assert tree(place / "victim") == kept


@pytest.mark.parametrize("name", ["....old", "...old", "...partial", "..x.old", ".\u202e.old"])
def test_leftovers_of_any_name_lead_nowhere(place, name):
    left = place / "cache/lits/cases" / name
    left.mkdir()
    (left / "x").write_text("left")
    kept = {path for path in tree(place) if not path.startswith(str(left.relative_to(place)))}
    assert pcrl("ingest", "--dataset", "lits", "--source", "source/lits", *SMALL, cwd=place).returncode == 0
    assert not left.exists()
    assert set(tree(place)) == kept


def test_a_change_record_removes_what_pcrl_changes_and_nothing_else(place):
    case = place / "cache/lits/cases/volume-1"
    (case / "notes.txt").write_text("mine")
    (case / "labels.h5").write_text("left")
    names = ["notes.txt", "labels.h5", "case.json", "commit.json", "occupancy.npy"]
    (case / "change.json").write_text(json.dumps({"format": 1, "files": names}))
    assert pcrl("ingest", "--dataset", "lits", "--source", "source/lits", *SMALL, cwd=place).returncode == 0
    assert (case / "notes.txt").read_text() == "mine"
    assert not (case / "labels.h5").exists()
    assert not (case / "change.json").exists()
    assert faults(place / "cache/lits") == {"cases/volume-1/notes.txt": ("no record names it",)}


PIPES = [
    "lits/dataset.json", "lits/files.json", "lits/cases/volume-1/commit.json", "lits/cases/volume-1/case.json",
    "lits/cases/volume-1/image.ome.zarr/0/c/0/0/0/0", "lits/.lock", "chexpert/table.csv", "chexpert/shards/000000.json",
    "chexpert/shards/000000.npy",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", PIPES)
def test_nobody_waits_at_a_pipe(place, name):
    path = place / "cache" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    done = every_command(place, name.partition("/")[0])
    assert not [one.stderr for one in done if "Traceback" in one.stderr]
