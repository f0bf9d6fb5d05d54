"""What is in the cache keeps its name and its place: other files of the same name are refused."""

import json
import os
import shutil

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.lock import locked
from pcrl.engine.volumes.ingest import claims
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import scans

pytestmark = pytest.mark.slow

RECIPE = load_recipe("pcrlv2-3d", ["data.spacing=[3, 3, 3]"])


def write(path, number=0):
    values = scans.body()
    values[0] += number
    scans.write(path, values)


def planned(source, cache, **options):
    return plan(find("folder", source), cache, RECIPE, **options)


def ingest(source, cache, **options):
    """Actions by case."""
    made = planned(source, cache, **options)
    with locked(made.folder):
        failed = {result.task.case.name: result.error for result in run(made, 1) if result.error}
    assert not failed
    return {task.case.name: task.action for task in made.tasks}


def test_a_second_folder_of_the_same_names_is_refused_unless_it_is_to_replace(tmp_path):
    cache = tmp_path / "cache"
    write(tmp_path / "a/scans/x.nii")
    write(tmp_path / "b/scans/x.nii", 5)
    ingest(tmp_path / "a/scans", cache)
    with pytest.raises(
        CacheError, match=r"holds case x from .*a/scans/x.nii, and .*b/scans/x.nii would take.*--replace"
    ):
        planned(tmp_path / "b/scans", cache)
    assert ingest(tmp_path / "b/scans", cache, replacing=True) == {"x": "scan"}
    record = Cache(cache).dataset("scans").record
    assert record.roots == {str((tmp_path / "b/scans").resolve()): ("x",)}


def test_a_data_set_that_was_moved_and_a_file_that_changed_go_on(tmp_path):
    cache = tmp_path / "cache"
    write(tmp_path / "a/scans/x.nii")
    ingest(tmp_path / "a/scans", cache)
    shutil.copytree(tmp_path / "a", tmp_path / "moved", copy_function=shutil.copy)
    assert ingest(tmp_path / "moved/scans", cache) == {"x": "nothing"}
    write(tmp_path / "moved/scans/x.nii", 7)
    assert ingest(tmp_path / "moved/scans", cache) == {"x": "scan"}


def test_other_names_from_another_folder_come_beside(tmp_path):
    cache = tmp_path / "cache"
    write(tmp_path / "a/scans/x.nii")
    write(tmp_path / "b/scans/y.nii", 5)
    ingest(tmp_path / "a/scans", cache)
    assert ingest(tmp_path / "b/scans", cache) == {"y": "scan"}
    write(tmp_path / "a/scans/x.nii", 9)
    assert ingest(tmp_path / "a/scans", cache) == {"x": "scan"}
    assert [case.name for case in Cache(cache).dataset("scans").cases] == ["x", "y"]


def test_names_stay_whatever_comes_beside(tmp_path):
    cache, source = tmp_path / "cache", tmp_path / "scans"
    write(source / "a b.nii")
    assert ingest(source, cache) == {"a-b": "scan"}
    write(source / "a-b.nii", 1)
    write(source / "a+b.nii", 2)
    actions = ingest(source, cache)
    assert actions.pop("a-b") == "nothing"
    assert list(actions.values()) == ["scan", "scan"]
    read = {case.name: case.record.sources[0].path for case in Cache(cache).dataset("scans").cases}
    assert read["a-b"] == "a b.nii"
    assert sorted(read.values()) == ["a b.nii", "a+b.nii", "a-b.nii"]
    assert set(ingest(source, cache).values()) == {"nothing"}


def test_a_cache_of_an_earlier_version_goes_on(tmp_path):
    cache, source = tmp_path / "cache", tmp_path / "scans"
    write(source / "x.nii")
    ingest(source, cache)
    file = cache / "scans/dataset.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    for key in ("roots", "regions", "ignored"):
        del record[key]
    file.write_text(json.dumps(record))
    assert ingest(source, cache) == {"x": "nothing"}


def test_names_of_any_bytes_are_stored_and_told(tmp_path):
    cache, source = tmp_path / "cache", tmp_path / "scans"
    write(source / "病例甲.nii")
    shutil.copy(source / "病例甲.nii", source / os.fsdecode(b"M\x81ller.nii"))
    shutil.copy(source / "病例甲.nii", source / "[red]\nx.nii")
    made = planned(source, cache)
    assert r"M\x81ller is M-ller" in made.notes[-1]
    assert "病例甲 is" not in made.notes[-1]
    assert ingest(source, cache) == {"病例甲": "scan", "M-ller": "scan", "red-x": "scan"}
    assert set(ingest(source, cache).values()) == {"nothing"}
    read = {case.name: case.record.sources[0].path for case in Cache(cache).dataset("scans").cases}
    assert read == {"病例甲": "病例甲.nii", "M-ller": r"M\x81ller.nii", "red-x": r"[red]\nx.nii"}


def test_a_file_system_without_letters_gets_digests(tmp_path, monkeypatch):
    assert claims.holds_unicode(tmp_path / "not" / "there")
    monkeypatch.setattr(claims, "holds_unicode", lambda _: False)
    write(tmp_path / "scans/病例甲.nii")
    write(tmp_path / "scans/病例乙.nii")
    names = [task.case.name for task in planned(tmp_path / "scans", tmp_path / "cache").tasks]
    assert len(set(names)) == 2
    assert all(name.isascii() and name.startswith("case-") for name in names)


def test_a_mask_that_is_not_called_so_is_named(tmp_path):
    write(tmp_path / "scans/x.nii")
    scans.write(tmp_path / "scans/y.nii", (scans.body() > 0).astype(np.uint8))
    made = planned(tmp_path / "scans", tmp_path / "cache")
    with locked(made.folder):
        errors = {result.task.case.name: result.error for result in run(made, 1)}
    assert not errors["x"]
    assert "y.nii: holds areas of one whole number each, up to 1: it is a segmentation" in errors["y"]


def test_label_values_without_a_name_are_told(tmp_path):
    write(tmp_path / "lits/volume-0.nii")
    scans.write(tmp_path / "lits/segmentation-0.nii", (scans.body() > 0).astype(np.uint8) * 255)
    made = plan(find("lits", tmp_path / "lits"), tmp_path / "cache", RECIPE)
    with locked(made.folder):
        (result,) = run(made, 1)
    assert (
        result.notes[-1]
        == "the label holds 255, which the data set does not name: an evaluation may refuse it"
    )
