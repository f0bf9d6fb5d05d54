"""The cache that evaluations are tested on: made once."""

import pytest

from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import patients


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
