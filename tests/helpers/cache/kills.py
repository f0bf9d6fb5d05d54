"""Work that is killed before every step on files in turn, and done again."""

import os
import shutil

import numpy as np
import pytest

from pcrl.engine.ingest import ingest
from pcrl.faults import arm
from tests.helpers import scans
from tests.helpers.cache import faults, tree

STORAGES = [pytest.param("zarr", marks=pytest.mark.slow), "hdf5"]
EVERY = {"zarr": 3, "hdf5": 1}
"""Zarr has the same steps in the same order, with more files: in the suite a third of its points."""
VOLUMES = {"recipe": "cpu-3d", "workers": 1}
IMAGES = {"recipe": "cpu-2d", "size": 32, "overrides": ["data.shard=2"], "workers": 1}


def killed_at(point, work):
    """Do the work in a fork of this process that ends before a point; whether it did, or had come to its end."""
    child = os.fork()
    if not child:
        try:
            arm(point)
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def survives(work, before, expected, dataset, folder, read=None, every=1):
    """Kill the work at every point, each time on a copy of the cache before it, and do it again to its end.

    Args:
        every: only the first of so many points, but all if PCRL_EVERY_POINT is set.

    What a kill leaves that another has left before has been gone on from already: between two fsyncs nothing changes.
    """
    every = 1 if os.environ.get("PCRL_EVERY_POINT") else every
    point, left = 1 - every, set()
    while True:
        point += every
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
    """A small scan, (z, y, x) in HU, unlike that of any other number."""
    values = scans.body((12, 16, 16))
    values[0] += number
    return values


def label(place, number, above=0):
    """Write the label of a scan: what is above a value."""
    scans.write(
        place / f"lits/segmentation-{number}.nii", (body(0) > above).astype(np.uint8), (3.0, 3.0, 3.0)
    )


def ingested(source, cache, storage):
    """Ingest the scans of a folder; none fails."""
    assert not ingest("lits", source / "lits", cache=cache, storage=storage, **VOLUMES).failed
