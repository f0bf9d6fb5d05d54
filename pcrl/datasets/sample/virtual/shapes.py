"""Shapes that virtual anatomies are made of: ellipsoids and tubes in a bent and tilted space, and smooth noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial.transform import Rotation

Point = Sequence[float] | NDArray[np.float64]
"""z, y, x in mm from the middle of the body: up, to the back, to the patient's left."""
Mask = NDArray[np.bool_]
Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Space:
    """A patient's own coordinates on the voxel grid: a mask drawn in them is tilted and bent as the patient is.

    Args:
        z, y, x: coordinates of every voxel in mm, each (z, y, x).
        spacing: mm, of all three axes.
    """

    z: Field
    y: Field
    x: Field
    spacing: float
    rng: np.random.Generator

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the grid."""
        return self.z.shape

    def smooth(self, amplitude: float, sigma_mm: float) -> Field:
        """Noise of deviation `amplitude`, smooth over `sigma_mm`."""
        return smooth(self.shape, amplitude, sigma_mm / self.spacing, self.rng)

    def ellipsoid(
        self, centre: Point, radii: Point, degrees: Point = (0, 0, 0), wobble: float = 0.12
    ) -> Field:
        """1 on its surface, less inside: the distance from the centre in units of the radius, with a wavy surface.

        Args:
            degrees: by which it is turned about z, y and x.
        """
        c = [value + self.rng.normal(0, 4) for value in centre]
        r = [value * self.rng.uniform(0.82, 1.18) for value in radii]
        offsets = (self.z - c[0], self.y - c[1], self.x - c[2])
        turn = Rotation.from_euler("zyx", [a + self.rng.normal(0, 6) for a in degrees], degrees=True)
        matrix = turn.as_matrix()[::-1, ::-1].astype(np.float32)
        square = np.zeros(self.shape, np.float32)
        for row, radius in zip(matrix, r, strict=True):
            along = row[0] * offsets[0] + row[1] * offsets[1] + row[2] * offsets[2]
            square += np.square(along / np.float32(radius))
        return np.asarray(np.sqrt(square) + self.smooth(wobble, 14), np.float32)

    def tube(self, points: NDArray[np.float64], radii: NDArray[np.float64]) -> Field:
        """1 on its surface, less inside: the distance from the nearest point in units of that point's radius.

        Args:
            points: (n, 3) along the middle, in mm, closer together than the tube is thick.
            radii: (n,) in mm.
        """
        # Points are put on the grid as they are: the bend of the space is small against the length of a tube.
        middle = (np.asarray(self.shape) - 1) / 2
        at = np.rint(points / self.spacing + middle).astype(int)
        inside = ((at >= 0) & (at < self.shape)).all(axis=1)
        if not inside.any():
            return np.full(self.shape, np.inf, np.float32)
        at, radius = at[inside].T, np.zeros(self.shape, np.float32)
        # Where two points fall into a voxel the thicker one counts.
        np.maximum.at(radius, tuple(at), radii[inside].astype(np.float32))
        distance, nearest = distance_transform_edt(radius == 0, sampling=self.spacing, return_indices=True)
        return np.asarray(distance / radius[tuple(nearest)], np.float32)


def smooth(shape: tuple[int, ...], amplitude: float, sigma: float, rng: np.random.Generator) -> Field:
    """Gaussian noise of deviation `amplitude`, smooth over `sigma` voxels."""
    field = gaussian_filter(rng.standard_normal(shape, np.float32), sigma, mode="wrap", truncate=3)
    field -= field.mean()
    return np.asarray(field * (amplitude / field.std()), np.float32)


def space_of(shape: tuple[int, int, int], spacing: float, mirrored: bool, rng: np.random.Generator) -> Space:
    """A patient's coordinates: tilted by a few degrees, bent by a few mm, mirrored left to right if asked for."""
    axes = [(np.arange(n, dtype=np.float32) - (n - 1) / 2) * np.float32(spacing) for n in shape]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    matrix = Rotation.from_euler("zyx", rng.normal(0, 4, 3), degrees=True).as_matrix().astype(np.float32)
    bent = [
        matrix[n, 0] * z + matrix[n, 1] * y + matrix[n, 2] * x + smooth(shape, 4, 40 / spacing, rng)
        for n in range(3)
    ]
    return Space(bent[0], bent[1], -bent[2] if mirrored else bent[2], spacing, rng)


def curve(points: Sequence[Point], step: float) -> NDArray[np.float64]:
    """Points every `step` mm along straight lines from point to point: (n, 3)."""
    parts = []
    given = np.asarray(points, float)
    for start, end in pairwise(given):
        count = max(2, int(np.linalg.norm(end - start) / step) + 1)
        parts.append(np.linspace(start, end, count))
    return np.concatenate(parts)


def branches(
    start: Point, towards: Point, length: float, radius: float, depth: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A vessel that forks `depth` times, each time shorter and thinner: points (n, 3) and radii (n,)."""
    direction = np.asarray(towards, float) + rng.normal(0, 0.25, 3)
    direction /= np.linalg.norm(direction)
    end = np.asarray(start, float) + length * rng.uniform(0.8, 1.2) * direction
    line = curve([start, end], 2.0)
    points, radii = [line], [np.full(len(line), radius)]
    if depth:
        sideways = np.cross(direction, rng.standard_normal(3))
        sideways /= np.linalg.norm(sideways)
        for sign in (-1, 1):
            more = branches(
                end, direction + 0.7 * sign * sideways, length * 0.75, radius * 0.75, depth - 1, rng
            )
            points.append(more[0])
            radii.append(more[1])
    return np.concatenate(points), np.concatenate(radii)
