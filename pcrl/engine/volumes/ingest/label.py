"""The label of a case: read, and brought onto the grid of its scan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.case import Case
from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.difference import places, size
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.ingest.errors import IngestError
from pcrl.engine.volumes.reading.nifti.place import is_finite, share_a_place
from pcrl.engine.volumes.reading.reader import read
from pcrl.engine.volumes.reading.scan import Scan

ROUNDING = 1e-3
"""How far a label may be from a whole number: what `scl_slope` and float32 leave of one."""

_ADVICE = (
    ". If its voxels fit the scan's one by one and only its header is wrong, ingest with --trust-label-voxels; if not, "
    "resample it to the scan"
)


def read_label(case: Case, grid: Grid, trust_voxels: bool) -> Scan:
    """The label of a case, on the grid of its scan.

    Args:
        grid: of the scan, as it was read.
        trust_voxels: a label that its header puts elsewhere, or nowhere, is laid onto the scan voxel by voxel.

    Returns:
        Whole numbers, uint8 or uint16; the grid is that of the scan to the last digit, so that both come to as many
        voxels.

    Raises:
        IngestError: it cannot be read, does not lie on the scan, or holds no labels.
    """
    assert case.label is not None
    notes: list[str] = []
    label, fault = _as_it_says(case.label, grid)
    if label is None:
        advised = f"{case.label}: {fault}{_ADVICE}"
        try:
            if not trust_voxels and not is_finite(case.label):
                raise IngestError(advised)
            label = read(case.label, like=case.channels[0])
        except ReadError as error:
            raise IngestError(f"{case.label}: {fault}") from error
        if forms := share_a_place(case.label, case.channels[0]):
            notes.append(f"the label lies on its scan, although they are read by different forms: {forms}")
        elif trust_voxels:
            notes.append(
                f"the label was laid onto its scan voxel by voxel, as you asked for, although {fault}: if its voxels "
                "are in another order, it is mirrored or turned"
            )
        else:
            raise IngestError(advised)
    values, rounded = whole_numbers(label.values, case.label)
    return replace(label, grid=grid, values=values, notes=(*label.notes, *notes, *rounded))


def whole_numbers(values: NDArray[Any], path: Path) -> tuple[NDArray[Any], list[str]]:
    """Label values in the smallest unsigned type, and by how much they were rounded if they were.

    Raises:
        IngestError: fractional, not finite, below 0 or above 65,535.
    """
    whole, notes = values, []
    if values.dtype.kind == "f":
        whole = np.rint(values)
        odd = values[~np.isfinite(values)]
        off = 0.0 if odd.size else float(np.abs(values - whole).max())
        if odd.size or off > ROUNDING:
            odd = odd if odd.size else values[np.abs(values - whole) > ROUNDING]
            raise IngestError(
                f"{path}: the label holds values that are not whole numbers, such as {odd[0]:g}: it is a probability "
                "or a scan"
            )
        # What float32 cannot tell from a whole number needs no words.
        if off > 1e-4:
            notes.append(f"the label's values were rounded to whole numbers, by up to {off:.1g}")
    low, high = int(whole.min()), int(whole.max())
    if low < 0 or high > 65535:
        raise IngestError(f"{path}: the label holds values from {low} to {high}; expected 0 to 65535")
    return whole.astype(np.uint8 if high <= 255 else np.uint16), notes


def _as_it_says(path: Path, scan: Grid) -> tuple[Scan | None, str]:
    """A label by its own header; or none, and why it does not lie on its scan."""
    try:
        label = read(path)
    except ReadError as error:
        return None, str(error).removeprefix(f"{path}: ")
    if label.grid.shape != scan.shape:
        return None, (
            f"the label has {size(label.grid)} voxels, its scan {size(scan)} (z, y, x): resample the label to its "
            "scan, or give the right pair"
        )
    if label.grid.matches(scan):
        return label, ""
    return None, f"the label lies elsewhere than its scan: {places(label.grid, scan)}"
