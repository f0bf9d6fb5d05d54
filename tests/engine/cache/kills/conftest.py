"""Ingest without other processes, and two scans."""

import os

import pytest

from pcrl import faults
from tests.helpers import scans
from tests.helpers.cache import read_in_this_process
from tests.helpers.cache.kills import body, label


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    read_in_this_process(monkeypatch)
    # What a killed process has written is there, on the disk or not: waiting for it is most of the time.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    yield
    faults.arm(None)


@pytest.fixture
def source(tmp_path):
    for n in range(2):
        scans.write(tmp_path / f"lits/volume-{n}.nii", body(n), (3.0, 3.0, 3.0))
    label(tmp_path, 0)
    return tmp_path
