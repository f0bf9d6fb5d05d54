"""What an ingest takes from a cache as it is, and what it reads anew; a bad record stops nothing else."""

import json

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.commit import commit
from pcrl.engine.cache.format import CacheError
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import scans

pytestmark = pytest.mark.slow

RECIPE = load_recipe("pcrlv2-3d")


@pytest.fixture
def source(tmp_path):
    scans.write(tmp_path / "own/ct.nii", scans.body())
    scans.write(tmp_path / "own/mr.nii", np.clip(scans.body(), 0, None))
    return tmp_path / "own"


def ingest(source, cache, forced=None):
    planned = plan(find("folder", source), cache, RECIPE, forced)
    errors = [outcome.error for outcome in run(planned, 1) if outcome.error]
    return {task.case.name: task.reason for task in planned.todo}, errors


def edit(cache, name, **fields):
    """Let a case say of itself what an earlier version wrote."""
    folder = cache / "own/cases" / name
    record = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    (folder / "case.json").write_text(json.dumps(record | fields), encoding="utf-8")
    commit(folder)


def test_an_mr_of_the_earlier_window_is_read_anew_and_a_ct_is_not(source, tmp_path):
    cache = tmp_path / "cache"
    ingest(source, cache)
    cases = {case.name: case.record for case in Cache(cache).dataset("own").cases}
    assert {name: (record.modality, record.format) for name, record in cases.items()} == {
        "ct": ("ct", 1), "mr": ("mr", 2),
    }  # fmt: skip
    assert ingest(source, cache) == ({}, [])
    edit(cache, "mr", format=1)
    with pytest.raises(CacheError, match=r"MR whose dark tissue.*run the same `pcrl ingest` again"):
        _ = [case.record for case in Cache(cache).dataset("own").cases]
    todo, errors = ingest(source, cache)
    assert list(todo) == ["mr"]
    assert not errors
    assert ingest(source, cache) == ({}, [])


def test_a_record_that_cannot_be_used_stops_no_other_case(source, tmp_path):
    cache = tmp_path / "cache"
    ingest(source, cache)
    edit(cache, "ct", grid={"shape": [24, 32, 40], "spacing": [1, 1, 1], "origin": [None, 0, 0]})
    scans.write(source / "new.nii", scans.body())
    scans.edit_header(source / "new.nii", sform=scans.SFORM + np.nan)
    todo, errors = ingest(source, cache)
    assert sorted(todo) == ["ct", "new"]
    assert "cannot be used" in todo["ct"]
    assert ["not finite" in error for error in errors] == [True]
    (source / "new.nii").unlink()
    assert ingest(source, cache) == ({}, [])


def test_a_label_is_trusted_when_the_scan_is_there_already(tmp_path):
    scans.write(tmp_path / "lits/volume-0.nii", scans.body(), (1.0, 1.0, 2.0), origin=(9.0, 8.0, 7.0))
    scans.write(tmp_path / "lits/segmentation-0.nii", (scans.body() == scans.BRIGHT).astype(np.uint8))
    for trust, action in ((False, "scan"), (False, "label"), (True, "label"), (False, "nothing")):
        dataset = find("lits", tmp_path / "lits")
        planned = plan(dataset, tmp_path / "cache", RECIPE, trust_label=trust)
        assert [task.action for task in planned.tasks] == [action]
        errors = [outcome.error for outcome in run(planned, 1)]
        assert all(("lies elsewhere" in error) != trust for error in errors)
    case = Cache(tmp_path / "cache").dataset("lits").cases[0]
    assert case.voxels.read()[0][case.label().read() == 1].min() >= 500


def test_the_user_knows_better_than_a_layout(tmp_path):
    scans.write(tmp_path / "lits/volume-0.nii", np.clip(scans.body(), 0, None))
    for forced, modality in ((None, None), ("ct", "ct"), ("mr", "mr")):
        planned = plan(find("lits", tmp_path / "lits"), tmp_path / "cache", RECIPE, forced)
        errors = [outcome.error for outcome in run(planned, 1)]
        if modality is None:
            assert "--modality ct" in errors[0]
        else:
            assert errors == [""]
            assert Cache(tmp_path / "cache").dataset("lits").cases[0].record.modality == modality
