"""What several folders of tests need."""

import pytest

from pcrl.datasets.sample.sources import SampleError, fetch
from tests.helpers.published_tables import TORCHXRAYVISION


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    try:
        return fetch(TORCHXRAYVISION, tmp_path_factory.mktemp("downloads"))
    except SampleError as error:
        pytest.skip(str(error))
