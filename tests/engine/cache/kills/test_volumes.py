"""Killed before every step on files in turn, and run again: the cache is as if nothing had happened."""

import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.ingest import ingest
from pcrl.engine.volumes.ingest import run
from pcrl.workers.fault import Fault
from tests.helpers import scans
from tests.helpers.cache import tree
from tests.helpers.cache.kills import EVERY, STORAGES, body, ingested, label, survives


@pytest.mark.parametrize("storage", STORAGES)
def test_a_first_ingest(source, storage):
    ingested(source, source / "whole", storage)
    folder = source / "cache"
    assert (
        survives(
            lambda: ingested(source, folder, storage),
            source / "none",
            tree(source / "whole"),
            "lits",
            folder,
            every=EVERY[storage],
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
            EVERY[storage],
        )
        > 60
    )


def test_what_a_dead_worker_left_goes_when_the_others_are_done(source, monkeypatch):
    ingested(source, source / "whole", "zarr")
    folder = source / "cache"

    class Dying(run.Workers):
        """Its worker dies at a case that is half written; those that come after it do not."""

        def run(self, tasks):
            first, *rest = tasks
            half = folder / f"lits/cases/.{first.task.case.name}.partial"
            half.mkdir()
            (half / "image.h5").touch()
            yield first, Fault("killed from outside (SIGKILL)")
            yield from super().run(rest)

    with monkeypatch.context() as patched:
        patched.setattr(run, "Workers", Dying)
        report = ingest("lits", source / "lits", cache=folder, recipe="cpu-3d", workers=2)
    assert ["SIGKILL" in failed.error for failed in report.failed] == [True]
    assert not list((folder / "lits/cases").glob(".*"))
    assert not ingest("lits", source / "lits", cache=folder, recipe="cpu-3d", workers=2).failed
    assert tree(folder) == tree(source / "whole")
