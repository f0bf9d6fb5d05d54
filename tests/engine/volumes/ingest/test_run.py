"""Ingest: what is done, what is skipped, what is named, and what a kill leaves behind."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05.image import Image

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.commit import damages
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.lock import LOCK, WORKERS, locked
from pcrl.engine.cache.space import check_space
from pcrl.engine.cache.volumes.dataset import identity
from pcrl.engine.cache.writer import writing
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import scans

RECIPE = load_recipe("pcrlv2-3d")


@pytest.fixture
def source(tmp_path):
    for n in range(3):
        values = scans.body()
        values[0] += n
        scans.write(tmp_path / f"lits/volume-{n}.nii", values, (1.0, 1.0, 2.0))
    for n in range(2):
        label = (scans.body() == scans.BRIGHT).astype(np.uint8)
        scans.write(tmp_path / f"lits/segmentation-{n}.nii", label, (1.0, 1.0, 2.0))
    return tmp_path / "lits"


def ingest(source, cache, workers=1, recipe=RECIPE):
    planned = plan(find("lits", source), cache, recipe)
    with writing(planned.folder):
        outcomes = list(run(planned, workers))
    actions = {task.case.name: task.action for task in planned.tasks}
    return actions, {o.task.case.name: o.error for o in outcomes if o.error}


def tree(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (LOCK, WORKERS)
    }


def test_cases_are_stored_whole_and_the_second_run_does_nothing(source, tmp_path):
    cache = tmp_path / "cache"
    assert ingest(source, cache) == (dict.fromkeys(["volume-0", "volume-1", "volume-2"], "scan"), {})
    before = tree(cache)
    assert set(ingest(source, cache)[0].values()) == {"nothing"}
    assert tree(cache) == before
    dataset = Cache(cache).dataset("lits")
    assert [case.has_label for case in dataset.cases] == [True, True, False]
    case = dataset.cases[0]
    assert case.voxels.shape == (1, 48, 32, 40)
    assert case.label(original=True).shape == (24, 32, 40)
    assert not damages(case.folder)
    image = zarr.open_group(case.folder / "image.ome.zarr", mode="r")
    Image.from_zarr(image)
    scale, translation = image.attrs["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [1, 1, 1, 1]
    assert translation["translation"] == [0, -0.5, 0, 0]


@pytest.mark.slow
def test_number_of_workers_changes_no_byte(source, tmp_path):
    ingest(source, tmp_path / "one", 1)
    ingest(source, tmp_path / "two", 2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


@pytest.mark.slow
def test_only_what_changed_is_done_again(source, tmp_path):
    cache = tmp_path / "cache"
    ingest(source, cache)
    os.utime(source / "volume-0.nii")  # touched, same content
    scans.write(source / "volume-1.nii", scans.body()[::-1].copy(), (1.0, 1.0, 2.0))
    assert ingest(source, cache)[0] == {"volume-0": "nothing", "volume-1": "scan", "volume-2": "nothing"}
    other = load_recipe("pcrlv2-3d", ["data.spacing=[2, 2, 2]"])
    assert set(ingest(source, cache, recipe=other)[0].values()) == {"scan"}
    assert Cache(cache).dataset("lits").cases[0].voxels.shape == (1, 24, 16, 20)


@pytest.mark.slow
def test_labels_come_change_and_go_without_touching_the_image(source, tmp_path):
    cache = tmp_path / "cache"
    ingest(source, cache)
    shard = cache / "lits/cases/volume-2/image.ome.zarr/0/c/0/0/0/0"
    before = shard.stat().st_ino
    shutil.copy(source / "segmentation-0.nii", source / "segmentation-2.nii")
    (source / "segmentation-0.nii").unlink()
    scans.write(source / "segmentation-1.nii", (scans.body() > 0).astype(np.uint8), (1.0, 1.0, 2.0))
    assert ingest(source, cache)[0] == {"volume-0": "unlabel", "volume-1": "label", "volume-2": "label"}
    cases = Cache(cache).dataset("lits").cases
    assert [case.has_label for case in cases] == [False, True, True]
    assert not any(damages(case.folder) for case in cases)
    assert shard.stat().st_ino == before
    assert int(cases[1].label().read().sum()) == 2 * int((scans.body() > 0).sum())
    # The same as if all had been there from the start.
    ingest(source, tmp_path / "fresh")
    assert tree(cache) == tree(tmp_path / "fresh")


def test_a_bad_case_is_named_and_the_rest_is_there(source, tmp_path):
    os.truncate(source / "volume-0.nii", 5000)
    scans.write(source / "segmentation-1.nii", np.zeros((5, 5, 5), np.uint8))
    _, errors = ingest(source, tmp_path / "cache")
    assert "truncated" in errors["volume-0"]
    assert "5×5×5" in errors["volume-1"]
    cases = Cache(tmp_path / "cache").dataset("lits").cases
    assert [case.name for case in cases] == ["volume-1", "volume-2"]
    assert not cases[0].has_label


@pytest.mark.parametrize("label", ["elsewhere", "fractional"])
def test_a_label_that_cannot_be_is_named(source, tmp_path, label):
    values = (scans.body() > 0).astype(np.float32) * (0.5 if label == "fractional" else 1)
    origin = (0.0, 0.0, 0.0) if label == "fractional" else (50.0, 0.0, 0.0)
    scans.write(source / "segmentation-0.nii", values, (1.0, 1.0, 2.0), origin=origin)
    _, errors = ingest(source, tmp_path / "cache")
    assert ("whole numbers" if label == "fractional" else "lies elsewhere") in errors["volume-0"]


KILLED = """
import sys
from pathlib import Path
from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
if __name__ == "__main__":
    planned = plan(find("lits", Path(sys.argv[1])), Path(sys.argv[2]), load_recipe("pcrlv2-3d"))
    for outcome in run(planned, 2):
        pass
"""


@pytest.mark.slow
def test_killed_at_any_instant_it_goes_on_to_the_same_bytes(source, tmp_path):
    ingest(source, tmp_path / "undisturbed")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(source), str(tmp_path / "cache")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    started = time.monotonic()
    subprocess.run(command, env=environment, check=True)
    whole = time.monotonic() - started
    for share in (0.3, 0.45, 0.6, 0.7, 0.8, 0.9):
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        process = subprocess.Popen(command, env=environment)
        time.sleep(share * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert ingest(source, tmp_path / "cache")[1] == {}
        assert tree(tmp_path / "cache") == tree(tmp_path / "undisturbed")


@pytest.mark.slow
def test_leftovers_of_a_killed_run_are_cleaned(source, tmp_path):
    cache = tmp_path / "cache"
    ingest(source, cache)
    expected = tree(cache)
    cases = cache / "lits/cases"
    (cases / ".volume-0.partial").mkdir()
    (cases / ".volume-0.partial/x").touch()
    (cases / "volume-2/image.ome.zarr/labels").mkdir()
    (cases / "volume-2/image.ome.zarr/labels/zarr.json").touch()
    shutil.rmtree(cases / "volume-1")
    ingest(source, cache)
    assert tree(cache) == expected


def test_second_writer_is_refused(tmp_path):
    with (
        locked(tmp_path / "lits"),
        pytest.raises(CacheError, match="is being written by process"),
        locked(tmp_path / "lits"),
    ):
        pass


def test_what_cannot_fit_is_refused_before_it_starts(source, tmp_path, monkeypatch):
    planned = plan(find("lits", source), tmp_path / "cache", RECIPE)
    check_space(tmp_path / "cache", planned.bytes_needed, "a coarser data.spacing")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(CacheError, match="would need about"):
        check_space(tmp_path / "cache", planned.bytes_needed, "a coarser data.spacing")


def test_a_flipped_bit_is_found(source, tmp_path):
    ingest(source, tmp_path / "cache")
    case = Cache(tmp_path / "cache").dataset("lits").cases[0]
    shard = case.folder / "image.ome.zarr/0/c/0/0/0/0"
    content = bytearray(shard.read_bytes())
    content[200] ^= 4
    shard.write_bytes(bytes(content))
    assert "image.ome.zarr/0/c/0/0/0/0: content differs" in damages(case.folder)[0]
    with pytest.raises(CacheError, match="checksum"):
        case.voxels.read()


def test_damaged_and_foreign_records_say_what_to_do(source, tmp_path):
    cache = tmp_path / "cache"
    with pytest.raises(CacheError, match="pcrl ingest"):
        Cache(cache)
    ingest(source, cache)
    with pytest.raises(CacheError, match="holds lits, not 'luna'"):
        Cache(cache).dataset("luna")
    record = cache / "lits/dataset.json"
    text = record.read_text(encoding="utf-8")
    record.write_text(text.replace('"format": 1', '"format": 2').replace('"format":1', '"format":2'))
    with pytest.raises(CacheError, match="format 2"):
        Cache(cache).dataset("lits")
    record.write_text(text[:50])
    with pytest.raises(CacheError, match="ingest it again"):
        Cache(cache).dataset("lits")


@pytest.mark.slow
def test_identity_follows_the_content(source, tmp_path):
    ingest(source, tmp_path / "cache")
    before = identity(list(Cache(tmp_path / "cache").dataset("lits").cases))
    (source / "segmentation-0.nii").unlink()
    ingest(source, tmp_path / "cache")
    assert identity(list(Cache(tmp_path / "cache").dataset("lits").cases)) != before
