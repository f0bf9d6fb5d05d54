"""Functions that read foreign files, called in a worker: what they give and raise comes back, a crash as an error."""

import os

import pytest

from pcrl.engine.errors import ReadError
from pcrl.engine.reader import Reader
from pcrl.engine.volumes.reading.reader import read
from pcrl.workers.limits import Limits
from tests.helpers import scans
from tests.workers.victims import act


def test_a_scan_comes_back_and_what_is_wrong_with_another_is_raised(tmp_path):
    path = tmp_path / "a.nii.gz"
    scans.write(path, scans.body())
    (tmp_path / "b.nii.gz").write_bytes(b"")
    with Reader(Limits(60.0)) as reader:
        assert reader(path, read, path).values.shape == (24, 32, 40)
        with pytest.raises(ReadError, match=r"b\.nii\.gz: the file is empty"):
            reader(path, read, tmp_path / "b.nii.gz")
        with pytest.raises(ReadError, match=rf"{path}: the process that read it crashed \(SIGSEGV\)"):
            reader(path, act, ("segfault", 0))
        with pytest.raises(
            ReadError, match=f"{path}: the process that read it ended by itself, with status 3"
        ):
            reader(path, act, ("exit", 3))
        assert reader(path, act, ("echo", 5)) == 5


def test_an_error_of_the_system_is_one_of_what_is_read_or_of_what_is_written(tmp_path):
    with Reader(Limits(60.0)) as reader:
        with pytest.raises(ReadError, match="/nowhere: cannot be read: No such file or directory"):
            reader(tmp_path / "a", os.listdir, "/nowhere")
        with pytest.raises(FileNotFoundError, match="/nowhere"):
            reader.write(tmp_path / "a", os.listdir, "/nowhere")
