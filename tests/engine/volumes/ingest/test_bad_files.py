"""One bad file never ends an ingest: it is named with what is wrong, and all others are stored."""

import os
import re
import time

import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.ingest import ingest
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.workers.limits import Limits
from tests.helpers import scans
from tests.helpers.foreign import bad_files

RECIPE = load_recipe("cpu-3d")


@pytest.fixture
def folder(tmp_path):
    scans.write(tmp_path / "own/good.mhd", scans.body())
    scans.write(tmp_path / "own/other.nii.gz", scans.body()[::-1].copy())
    return tmp_path / "own"


@pytest.fixture
def crashing(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(bad_files.CRASH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


def test_each_is_named_and_all_others_are_stored(folder, tmp_path):
    said = bad_files.write_all(folder)
    report = ingest("folder", folder, cache=tmp_path / "cache", recipe=RECIPE, workers=2)
    assert {one.name for one in report.stored} == {"good", "other"}
    errors = [one.error for one in report.failed]
    for path, words in said.items():
        own = [error for error in errors if error.startswith(f"{path}: ")]
        assert len(own) == 1, f"{path}: {own}"
        assert re.search(words, own[0]), own[0]
        assert "Error:" not in own[0]


@pytest.mark.slow
def test_what_kills_or_hangs_its_reader_is_to_blame_and_nothing_else(folder, tmp_path, crashing):
    for name in ("segfault", "exits", "hangs", "killed"):
        scans.write(folder / f"{name}.nii.gz", scans.body())
    report = ingest(
        "folder", folder, cache=tmp_path / "cache", recipe=RECIPE, workers=2, deadline=5, memory=3
    )
    assert {one.name for one in report.stored} == {"good", "other"}
    errors = {one.name: one.error for one in report.failed}
    assert "crashed (SIGSEGV)" in errors["segfault"]
    assert "with status 3" in errors["exits"]
    assert "not read after 5 s" in errors["hangs"]
    assert "--workers" in errors["killed"]
    assert all(str(folder / f"{name}.nii.gz") in error for name, error in errors.items())


def test_a_scan_that_would_not_fit_into_memory_is_named_before_it_is_read(folder, tmp_path):
    planned = plan(find("folder", folder), tmp_path / "cache", RECIPE, limits=Limits(60.0, resident=100_000))
    assert [task.fault.partition(": ")[0] for task in planned.tasks] == [
        str(folder / "good.mhd"), str(folder / "other.nii.gz"),
    ]  # fmt: skip
    assert all("--memory" in task.fault for task in planned.tasks)
    assert planned.voxels == 0


def test_what_is_in_the_cache_stays_when_its_file_can_no_longer_be_read(folder, tmp_path):
    ingest("folder", folder, cache=tmp_path / "cache", recipe=RECIPE, workers=1)
    (folder / "good.mhd").unlink()
    (folder / "good.mhd").symlink_to("/proc/self/mem")
    report = ingest("folder", folder, cache=tmp_path / "cache", workers=1)
    assert [one.name for one in report.failed] == ["good"]
    assert [case.name for case in Cache(tmp_path / "cache").dataset("own").cases] == ["good", "other"]


def test_a_bad_label_leaves_its_scan(tmp_path):
    scans.write(tmp_path / "lits/volume-0.nii", scans.body())
    os.mkfifo(tmp_path / "lits/segmentation-0.nii")
    report = ingest("lits", tmp_path / "lits", cache=tmp_path / "cache", recipe=RECIPE, workers=1)
    assert "named pipe" in report.failed[0].error
    assert "the scan is in the cache, without a label" in report.failed[0].error


@pytest.mark.slow
def test_headers_of_many_files_are_looked_at_in_batches(tmp_path):
    scans.write(tmp_path / "own/0.nii.gz", scans.body())
    for n in range(1, 2000):
        (tmp_path / f"own/{n}.nii.gz").hardlink_to(tmp_path / "own/0.nii.gz")
    began = time.monotonic()
    planned = plan(find("folder", tmp_path / "own"), tmp_path / "cache", RECIPE, workers=2)
    assert time.monotonic() - began < 30
    assert planned.voxels == 2000 * planned.tasks[0].voxels > 0
