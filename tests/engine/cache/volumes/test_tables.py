"""Tables of a data set as a whole: copied byte for byte, kept up to date, carried along by a copy."""

import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.volumes.copy import begin_copy, copy_cases
from pcrl.engine.cache.writer import writing
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import scans
from tests.helpers.cache import faults

RECIPE = load_recipe("pcrlv2-3d")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "luna"
    scans.write(folder / "subset0/1.2.3.mhd", scans.body())
    (folder / "annotations.csv").write_bytes(b"seriesuid,coordX\r\n1.2.3,1.0\r\n")
    return folder


def ingest(source, cache):
    planned = plan(find("luna", source), cache, RECIPE)
    with writing(planned.folder):
        assert not [outcome.error for outcome in run(planned, 1) if outcome.error]
    return [task.action for task in planned.tasks], [table.name for table in planned.tables]


def content(cache):
    return {name: path.read_bytes() for name, path in Cache(cache).dataset("luna").tables.items()}


def test_tables_are_copied_replaced_and_kept(source, tmp_path):
    cache = tmp_path / "cache"
    assert ingest(source, cache) == (["scan"], ["annotations.csv"])
    assert content(cache) == {"annotations.csv": (source / "annotations.csv").read_bytes()}
    assert ingest(source, cache) == (["nothing"], [])
    (source / "CSVFILES").mkdir()
    (source / "CSVFILES/candidates_V2.csv").write_bytes(b"new\n")
    (source / "annotations.csv").write_bytes(b"changed\n")
    (cache / "luna/tables/.annotations.csv.partial").write_bytes(b"of a killed run")
    assert ingest(source, cache) == (["nothing"], ["candidates_V2.csv", "annotations.csv"])
    expected = {"annotations.csv": b"changed\n", "candidates_V2.csv": b"new\n"}
    assert content(cache) == expected
    assert len(list((cache / "luna/tables").iterdir())) == 2
    (source / "annotations.csv").unlink()
    assert ingest(source, cache) == (["nothing"], [])
    assert content(cache) == expected


def test_a_copy_carries_them_along_and_is_whole(source, tmp_path):
    ingest(source, tmp_path / "cache")
    (source / "annotations.csv").write_bytes(b"changed\n")
    for _ in range(2):
        dataset = Cache(tmp_path / "cache").dataset("luna")
        assert not faults(dataset.folder)
        list(copy_cases(begin_copy(dataset, tmp_path / "other", "hdf5"), tmp_path / "other/luna", "hdf5"))
        assert content(tmp_path / "other") == content(tmp_path / "cache")
        ingest(source, tmp_path / "cache")
    assert content(tmp_path / "other") == {"annotations.csv": b"changed\n"}


def test_a_table_that_vanishes_is_named(source, tmp_path):
    planned = plan(find("luna", source), tmp_path / "cache", RECIPE)
    (source / "annotations.csv").unlink()
    with pytest.raises(CacheError, match=r"annotations\.csv cannot be copied"):
        list(run(planned, 1))
