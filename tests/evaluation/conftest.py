"""The cache that evaluations are tested on: made once."""

import pytest
import torch

from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import patients


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Networks are so small here that threads only wait for each other, forty times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Folder of a cache with the data set lits."""
    root = tmp_path_factory.mktemp("evaluation")
    patients.write_lits(root / "lits")
    assert not [
        o.error for o in run(plan(find("lits", root / "lits"), root / "cache", patients.RECIPE), 1) if o.error
    ]
    return root / "cache"


@pytest.fixture(scope="session")
def lits(cache):
    """The data set of that cache."""
    return Cache(cache).dataset("lits")
