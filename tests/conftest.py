"""What several folders of tests need."""

import os

import pytest
import torch

from pcrl.datasets.sample.sources import SampleError, fetch
from tests.helpers.published_tables import TORCHXRAYVISION

# Read when the command line is imported: lines are as long in every terminal.
os.environ["COLUMNS"] = "200"
# Names of patients are made with it; without it, a file in the user's home would be made.
os.environ["PCRL_SECRET"] = "the secret of the tests"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    try:
        return fetch(TORCHXRAYVISION, tmp_path_factory.mktemp("downloads"))
    except SampleError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Networks are so small here that threads only wait for each other, forty times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
