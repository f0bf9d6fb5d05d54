"""Killed before every step on files in turn, and run again: the cache is as if nothing had happened."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

from pcrl import faults as points
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.lock import locked
from pcrl.engine.cache.upgrade import complete, outdated_cases, outdated_shards, upgrade_case, upgrade_shards
from pcrl.engine.cache.verification.verify import verify_dataset
from pcrl.engine.cache.volumes.copy import begin_copy, copy_cases
from pcrl.engine.ingest import ingest
from pcrl.engine.volumes.ingest import run
from pcrl.files import new_file
from tests.helpers import radiographs, scans
from tests.helpers.cache import faults, flip, killed_at, read_in_this_process, tree
from tests.helpers.command import environment

STORAGES = [pytest.param("zarr", marks=pytest.mark.slow), "hdf5"]
VOLUMES = {"recipe": "cpu-3d", "workers": 1}
IMAGES = {"recipe": "cpu-2d", "size": 32, "overrides": ["data.shard=2"], "workers": 1}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    read_in_this_process(monkeypatch)
    # What a killed process has written is there, on the disk or not: waiting for it is most of the time.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    yield
    points.arm(None)


def survives(work, before, expected, dataset, folder, read=None):
    """Kill the work at every point, each time on a copy of the cache before it, and do it again to its end.

    What a kill leaves that another has left before has been gone on from already: between two fsyncs nothing changes.
    """
    point, left = 0, set()
    while True:
        point += 1
        shutil.rmtree(folder, ignore_errors=True)
        if before.exists():
            shutil.copytree(before, folder)
        killed = killed_at(point, work)
        state = tuple(sorted(tree(folder).items())) if folder.exists() else ()
        if killed and state in left:
            continue
        left.add(state)
        if killed and read is not None:
            read()
        work()
        assert tree(folder) == expected, f"killed at point {point}"
        assert not faults(folder / dataset)
        if not killed:
            return point - 1


def body(number):
    values = scans.body((12, 16, 16))
    values[0] += number
    return values


@pytest.fixture
def source(tmp_path):
    for n in range(2):
        scans.write(tmp_path / f"lits/volume-{n}.nii", body(n), (3.0, 3.0, 3.0))
    label(tmp_path, 0)
    return tmp_path


def label(place, number, above=0):
    scans.write(
        place / f"lits/segmentation-{number}.nii", (body(0) > above).astype(np.uint8), (3.0, 3.0, 3.0)
    )


def ingested(source, cache, storage):
    assert not ingest("lits", source / "lits", cache=cache, storage=storage, **VOLUMES).failed


@pytest.mark.parametrize("storage", STORAGES)
def test_a_first_ingest(source, storage):
    ingested(source, source / "whole", storage)
    folder = source / "cache"
    assert (
        survives(
            lambda: ingested(source, folder, storage), source / "none", tree(source / "whole"), "lits", folder
        )
        > 40
    )


@pytest.mark.parametrize("storage", STORAGES)
def test_labels_that_come_change_and_go_and_a_scan_that_changes(source, storage):
    label(source, 1)
    ingested(source, source / "before", storage)
    (source / "lits/segmentation-1.nii").unlink()
    label(source, 0, above=100)
    for n in (2, 3):
        scans.write(source / f"lits/volume-{n}.nii", body(n), (3.0, 3.0, 3.0))
    ingested(source, source / "before", storage)
    # Now one label changes, one goes, one comes, and a scan changes.
    label(source, 1)
    ingested(source, source / "before", storage)
    label(source, 0)
    (source / "lits/segmentation-1.nii").unlink()
    label(source, 2)
    scans.write(source / "lits/volume-3.nii", body(9), (3.0, 3.0, 3.0))
    ingested(source, source / "fresh", storage)
    folder = source / "cache"

    def read():
        """Between the kill and the next ingest no case is anything but whole, with its label or without."""
        for case in Cache(folder).dataset("lits").cases:
            case.voxels.read()
            if case.has_label:
                case.label().read()

    assert (
        survives(
            lambda: ingested(source, folder, storage),
            source / "before",
            tree(source / "fresh"),
            "lits",
            folder,
            read,
        )
        > 60
    )


def test_images_that_come_and_change(tmp_path):
    radiographs.chexpert(tmp_path / "chexpert", patients=1, valid=1)

    def ingested(cache):
        assert not ingest("chexpert", tmp_path / "chexpert", cache=cache, **IMAGES).failed

    folder = tmp_path / "cache"
    ingested(tmp_path / "before")
    first = survives(
        lambda: ingested(folder), tmp_path / "none", tree(tmp_path / "before"), "chexpert", folder
    )
    changed = tmp_path / "chexpert/train/patient00001/study1/view1_frontal.jpg"
    radiographs.write(changed, radiographs.picture(77))
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    ingested(tmp_path / "after")
    again = survives(
        lambda: ingested(folder), tmp_path / "before", tree(tmp_path / "after"), "chexpert", folder
    )
    assert min(first, again) > 20


def test_images_that_are_made_anew_for_other_settings(tmp_path):
    radiographs.chexpert(tmp_path / "chexpert", patients=1, valid=1)

    def ingested(cache, size):
        settings = IMAGES | {"size": size, "replace": True}
        assert not ingest("chexpert", tmp_path / "chexpert", cache=cache, **settings).failed

    ingested(tmp_path / "before", 32)
    ingested(tmp_path / "fresh", 48)
    folder = tmp_path / "cache"
    assert (
        survives(
            lambda: ingested(folder, 48), tmp_path / "before", tree(tmp_path / "fresh"), "chexpert", folder
        )
        > 20
    )


def test_what_a_dead_worker_left_goes_while_the_ingest_is_under_way(source, monkeypatch):
    ingested(source, source / "whole", "zarr")
    folder = source / "cache"
    alive = run._in_processes
    calls = []

    def dying(plan, tasks, workers):
        """The first worker dies at a case that is half written; those that come after it do not."""
        calls.append(len(tasks))
        if len(calls) == 1:
            half = plan.folder / "cases/.volume-1.partial"
            half.mkdir()
            (half / "image.h5").touch()
            return
        assert not list((plan.folder / "cases").glob(".*"))
        yield from alive(plan, tasks, workers)

    monkeypatch.setattr(run, "_in_processes", dying)
    assert not ingest("lits", source / "lits", cache=folder, recipe="cpu-3d", workers=2).failed
    assert calls == [2, 2]
    assert tree(folder) == tree(source / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["zarr", "hdf5"])
def test_a_copy(source, storage):
    ingested(source, source / "origin", "zarr")

    def copied():
        dataset = Cache(source / "origin").dataset("lits")
        with locked(source / "cache/lits"):
            list(copy_cases(begin_copy(dataset, source / "cache", storage), source / "cache/lits", storage))

    copied()
    shutil.move(source / "cache", source / "before")
    label(source, 0, above=100)
    label(source, 1)
    ingested(source, source / "origin", "zarr")
    shutil.copytree(source / "before", source / "cache")
    copied()
    expected = tree(source / "cache")
    assert survives(copied, source / "before", expected, "lits", source / "cache") > 40


@pytest.mark.slow
def test_what_is_taken_out_and_put_aside(source):
    ingested(source, source / "whole", "zarr")
    shutil.copytree(source / "whole", source / "before")
    flip(source / "before/lits/cases/volume-0/image.ome.zarr/0/c/0/0/0/0", 40)
    (source / "before/lits/cases/volume-0/notes.txt").write_text("mine")
    folder = source / "cache"

    def mended():
        with locked(folder / "lits", mending=True):
            for finding in verify_dataset(folder / "lits"):
                if finding.faults:
                    finding.discard()
        ingested(source, folder, "zarr")

    expected = tree(source / "whole")
    (source / "mine").write_text("mine")
    expected |= {
        "lits/lost+found": "folder",
        "lits/lost+found/cases-volume-0-notes.txt": tree(source)["mine"],
    }
    survives(mended, source / "before", expected, "lits", folder)


@pytest.mark.parametrize("kind", [pytest.param("volumes", marks=pytest.mark.slow), "images"])
def test_an_upgrade(source, kind):
    if kind == "volumes":
        ingested(source, source / "before", "zarr")
        dataset, folder = "lits", source / "before/lits"
        for path in folder.glob("cases/*/commit.json"):
            path.write_text(_without(path, "thumbnails.npy"))
            (path.parent / "thumbnails.npy").unlink()
    else:
        radiographs.chexpert(source / "chexpert", patients=1, valid=1)
        ingest("chexpert", source / "chexpert", cache=source / "before", **IMAGES)
        dataset, folder = "chexpert", source / "before/chexpert"
        for path in folder.glob("shards/*.npy"):
            path.unlink()
    (folder / "files.json").unlink()

    def upgraded():
        opened = Cache(source / "cache")
        if kind == "volumes":
            volumes = opened.dataset(dataset, as_is=True)
            with locked(volumes.folder):
                for case in outdated_cases(volumes):
                    upgrade_case(case)
                complete(volumes)
        else:
            images = opened.image_set(dataset, as_is=True)
            with locked(images.folder):
                list(upgrade_shards(images, outdated_shards(images)))
                complete(images)

    shutil.copytree(source / "before", source / "cache")
    upgraded()
    assert survives(upgraded, source / "before", tree(source / "cache"), dataset, source / "cache") > 10


def _without(path, name):
    import json

    record = json.loads(path.read_text())
    del record["files"][name]
    return json.dumps(record, indent=1) + "\n"


def test_the_variable_ends_a_process_before_its_point(tmp_path):
    code = "import sys, pathlib, pcrl.files as files; files.write_text(pathlib.Path(sys.argv[1]), 'new')"
    path = tmp_path / "x"
    for point, ended, content in ((1, True, "old"), (2, True, "old"), (3, True, "new"), (4, False, "new")):
        path.write_text("old")
        path.with_name(".x.partial").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", code, path], env=environment() | {points.VARIABLE: str(point)}, check=False
        )
        assert done.returncode == (-signal.SIGKILL if ended else 0), point
        assert path.read_text() == content, point
    done = subprocess.run(
        [sys.executable, "-c", code, path], env=environment() | {points.VARIABLE: "x"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "PCRL_FAULT_POINT=x: expected the number of a step" in done.stderr


def test_a_partial_that_is_a_link_is_not_written_through(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".x.partial").symlink_to(tmp_path / "victim")
    with nullcontext(), new_file(tmp_path / "x") as partial:
        partial.write_text("new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "x").read_text() == "new"
