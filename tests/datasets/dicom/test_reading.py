"""Headers of many files: in their order, and each that cannot be read by name."""

import os

from pcrl.datasets.dicom.reading import headers_of
from tests.helpers import dicom


def test_headers_come_in_order_and_what_cannot_be_read_is_named(tmp_path):
    paths = sorted(dicom.series(tmp_path).iterdir())
    broken, pipe = tmp_path / "broken[x].dcm", tmp_path / "pipe.dcm"
    broken.write_bytes(b"no DICOM at all")
    os.mkfifo(pipe)
    listed = [*paths[:5], broken, pipe, *paths[5:]]
    found = list(headers_of(listed))
    assert [path for path, _ in found] == listed
    told = dict(found)
    assert str(broken) in told.pop(broken)
    assert told.pop(pipe) == f"{pipe}: is a named pipe (FIFO), expected a regular file"
    assert [header.file for header in told.values()] == paths
    assert list(headers_of([])) == []
