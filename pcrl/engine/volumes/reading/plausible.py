"""Grids that no scan of a patient has: refused before they reach the cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.grid import Grid

SPACING = (0.02, 50.0)
"""mm: from a cone-beam CT of a tooth, several times over, to slices as far apart as those of a scout."""
LONGEST = 5000.0
"""mm: no table is as long."""
SHEARED = 1.0
"""Voxels by which axes that are not at right angles may move a corner."""


def check_grid(path: Path, grid: Grid) -> None:
    """Refuse a grid that is not finite, or of a size that is another unit's.

    Raises:
        ReadError: it is one.
    """
    place = np.array([*grid.spacing, *grid.origin, *np.ravel(grid.direction)])
    if not np.isfinite(place).all():
        raise ReadError(
            f"{path}: spacing {grid.spacing}, origin {grid.origin} or direction is not finite: nobody knows where the "
            "scan lies; correct the header, or convert the scan from its DICOM files once more"
        )
    axes = np.asarray(grid.direction)
    off = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if off * max(grid.shape) > SHEARED:
        raise ReadError(
            f"{path}: its axes are sheared, or no unit vectors, by {off:.2g}: resample it to an orthonormal grid first"
        )
    low, high = SPACING
    across = [n * step for n, step in zip(grid.shape, grid.spacing, strict=True)]
    if not all(low <= step <= high for step in grid.spacing) or max(across) > LONGEST:
        raise ReadError(
            f"{path}: voxels of {_mm(grid.spacing)}, {_mm(across)} across (z, y, x): expected {low:g} to {high:g} mm a "
            f"voxel and at most {LONGEST:g} mm across; the header's unit of length is probably not that of its "
            "numbers: correct it"
        )


def check_edges(path: Path, edges: Sequence[float]) -> None:
    """Refuse edges in mm that no scan has, where nothing else is known yet.

    Raises:
        ReadError: they are longer than any table, or not finite.
    """
    if not all(edge <= LONGEST for edge in edges):
        raise ReadError(
            f"{path}: {_mm(list(edges))} across (z, y, x), expected at most {LONGEST:g} mm: a position or a spacing in "
            "its headers is damaged, or in another unit; correct it"
        )


def _mm(values: tuple[float, ...] | list[float]) -> str:
    return "×".join(f"{value:.3g}" for value in values) + " mm"
