"""Where the voxels of an array are in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular grid in the patient's coordinates (LPS, mm); everything is in (z, y, x) order.

    The centre of voxel `i` is `origin + direction @ (spacing * i)`, with points as (z, y, x) too.

    Args:
        shape: voxels along each axis.
        spacing: mm between neighbouring voxels.
        origin: centre of the first voxel, mm.
        direction: 3×3 row-major; column `a` is the unit vector along which axis `a` runs.
    """

    shape: tuple[int, int, int]
    spacing: Vector
    origin: Vector
    direction: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def points(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions in mm of (fractional) voxel indices; shape (…, 3) to (…, 3)."""
        along = (index * np.asarray(self.spacing)) @ np.asarray(self.direction).T
        return np.asarray(np.asarray(self.origin) + along, np.float64)

    def indices(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional voxel indices of positions in mm; shape (…, 3) to (…, 3). Inverse of `points`."""
        along = (points - np.asarray(self.origin)) @ np.asarray(self.direction)
        return np.asarray(along / np.asarray(self.spacing), np.float64)

    def with_spacing(self, spacing: Vector) -> Grid:
        """The grid with another spacing that covers the same box: outer faces meet at the first corner."""
        edges = zip(self.shape, self.spacing, spacing, strict=True)
        z, y, x = (max(1, round(n * old / new)) for n, old, new in edges)
        shift = [(new - old) / 2 for old, new in zip(self.spacing, spacing, strict=True)]
        origin = np.asarray(self.origin) + np.asarray(self.direction) @ np.asarray(shift)
        return Grid((z, y, x), spacing, _vector(origin), self.direction)

    def matches(self, other: Grid, tolerance: float = 0.5) -> bool:
        """Same shape, and no corner more than `tolerance` voxels away from the other's."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape], indexing="ij"), float)
        corners = corners.reshape(3, -1).T
        return bool(np.abs(self.indices(other.points(corners)) - corners).max() <= tolerance)


def _vector(values: NDArray[np.float64]) -> Vector:
    z, y, x = (float(v) for v in values)
    return z, y, x
