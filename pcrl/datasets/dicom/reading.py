"""Headers of many DICOM files, read by workers: none of them stops the others, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pcrl.cores import usable_cores
from pcrl.datasets.dicom.header import DicomError, Header, read_header
from pcrl.workers.fault import Fault
from pcrl.workers.limits import of_headers
from pcrl.workers.pool import Workers

_TOGETHER = 64
"""Files that a worker is handed at a time."""
_FOR_EACH = 1000
"""Files for which one more worker is worth the half second that it takes to start."""


def headers_of(paths: Sequence[Path]) -> Iterator[tuple[Path, Header | str]]:
    """Each file with its header, or with why it cannot be read; in their order."""
    count = max(1, min(usable_cores(), -(-len(paths) // _FOR_EACH)))
    with Workers(_header, count, of_headers(), _TOGETHER) as workers:
        for path, found in workers.in_order(paths):
            yield path, f"{path}: {found.reason}" if isinstance(found, Fault) else found


def _header(path: Path) -> Header | str:
    try:
        return read_header(path)
    except DicomError as error:
        return str(error)
