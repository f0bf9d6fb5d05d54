"""The channels of a case: read, and on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pcrl.datasets.dicom.stacks import Stack
from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.difference import difference
from pcrl.engine.volumes.reading.nifti.place import share_a_place
from pcrl.engine.volumes.reading.reader import read
from pcrl.engine.volumes.reading.scan import Scan


def read_channels(paths: Sequence[Path], stack: Stack | None = None) -> list[Scan]:
    """Read the channels of a case; the grid of the first, to the last digit, is that of all.

    Args:
        stack: the DICOM slices that the one channel is made of; none: all that its file or folder holds.

    Raises:
        ReadError: one cannot be read, or lies elsewhere than the first.
    """
    first = read(paths[0], stack=stack)
    scans = [first]
    for path in paths[1:]:
        scan = read(path)
        notes: list[str] = []
        if not scan.grid.matches(first.grid):
            forms = share_a_place(path, paths[0])
            if not forms:
                raise ReadError(
                    f"{path}: {difference(scan.grid, first.grid, paths[0].name)}: channels of a case must be on one "
                    "grid; resample it, or give the right file"
                )
            scan = read(path, like=paths[0])
            notes = [
                f"{path.name} lies on {paths[0].name}, although they are read by different forms: {forms}"
            ]
        scans.append(replace(scan, grid=first.grid, notes=(*scan.notes, *notes)))
    return scans
