"""What several folders of tests need."""

import pytest
from published_tables import TORCHXRAYVISION

from pcrl.datasets.sample.sources import SampleError, fetch


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    try:
        return fetch(TORCHXRAYVISION, tmp_path_factory.mktemp("downloads"))
    except SampleError as error:
        pytest.skip(str(error))
