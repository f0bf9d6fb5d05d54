"""Crop, resize, flip and affine in one call: from stored int16 to float32.

Axes on which the box is larger than the view are first reduced to the view's size with a widened tent (the
anti-aliased linear resize of Pillow and PyTorch); then one trilinear gather does the rest of the resize, the flip and
the affine map together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pcrl.kernels.resample import linear_weights

Taps = tuple[NDArray[np.int64], NDArray[np.float32]]


@cache
def reduction(size: int, count: int) -> Taps:
    """Taps that bring `size` voxels to `count` ≤ size with half-pixel centres; the identity if they are equal."""
    ratio = size / count
    return linear_weights(size, (ratio - 1) / 2, ratio, count, widen=True)


def affine_matrix(scales: Sequence[float], angles: Sequence[float]) -> NDArray[np.float64]:
    """3×3 matrix of an affine map about the centre: scale each axis, then rotate about z, then y, then x.

    Args:
        scales: (z, y, x), dimensionless.
        angles: rotation about the (z, y, x) axis, radians.
    """
    matrix = np.diag(np.asarray(scales, np.float64))
    for axis in range(3):
        i, j = [a for a in range(3) if a != axis]
        cosine, sine = math.cos(angles[axis]), math.sin(angles[axis])
        turn = np.eye(3)
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = cosine, -sine, sine, cosine
        matrix = turn @ matrix
    return matrix


@njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")
def reduce_box(
    source: NDArray[np.int16],
    start: tuple[int, int, int],
    size: tuple[int, int, int],
    first_z: NDArray[np.int64],
    weights_z: NDArray[np.float32],
    first_y: NDArray[np.int64],
    weights_y: NDArray[np.float32],
    first_x: NDArray[np.int64],
    weights_x: NDArray[np.float32],
    plane: NDArray[np.float32],
    row: NDArray[np.float32],
    grid: NDArray[np.float32],
) -> None:
    """Cut a box out of `source` and reduce it along z, y and x to the shape of `grid`.

    Args:
        source: (z, y, x) int16.
        start, size: the box, which lies within `source`.
        first_*, weights_*: from `reduction`, one row for each voxel of `grid` on that axis.
        plane: at least y · x of the box; row: at least x of the box.
        grid: (z, y, x) float32, overwritten.
    """
    z0, y0, x0 = start
    _, size_y, size_x = size
    for i in range(grid.shape[0]):
        for y in range(size_y):
            line = plane[y * size_x : (y + 1) * size_x]
            voxels = source[z0 + first_z[i], y0 + y]
            w = weights_z[i, 0]
            for x in range(size_x):
                line[x] = w * np.float32(voxels[x0 + x])
            for k in range(1, weights_z.shape[1]):
                w = weights_z[i, k]
                if w != 0:
                    voxels = source[z0 + first_z[i] + k, y0 + y]
                    for x in range(size_x):
                        line[x] += w * np.float32(voxels[x0 + x])
        for j in range(grid.shape[1]):
            at = first_y[j] * size_x
            w = weights_y[j, 0]
            for x in range(size_x):
                row[x] = w * plane[at + x]
            for k in range(1, weights_y.shape[1]):
                w = weights_y[j, k]
                if w != 0:
                    at = (first_y[j] + k) * size_x
                    for x in range(size_x):
                        row[x] += w * plane[at + x]
            output = grid[i, j]
            if weights_x.shape[1] == 1:
                for x in range(size_x):
                    output[x] = row[x]
            else:
                for x in range(output.shape[0]):
                    total = np.float32(0)
                    for k in range(weights_x.shape[1]):
                        total += weights_x[x, k] * row[first_x[x] + k]
                    output[x] = total


@njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")
def gather(
    grid: NDArray[np.float32],
    destination: NDArray[np.float32],
    matrix: NDArray[np.float64],
    flip: bool,
    scale: float,
    offset: float,
) -> None:
    """One trilinear interpolation of `grid` at the affinely mapped, flipped, resized positions of `destination`.

    Positions up to half a voxel beyond the outermost centres take the border's value; those further out take the
    smallest value of `grid` (published: padded with the crop's minimum).

    Args:
        grid: (z, y, x) float32, covers the same box as `destination`.
        destination: (z, y, x) float32, overwritten with `scale · value + offset`.
        matrix: 3×3, offsets from the centre of `destination` to offsets in the resized crop, in its voxels.
        flip: mirror the last axis before the affine map.
    """
    lowest = grid[0, 0, 0]
    for z in range(grid.shape[0]):
        for y in range(grid.shape[1]):
            for x in range(grid.shape[2]):
                lowest = min(lowest, grid[z, y, x])
    gz, gy, gx = grid.shape
    nz, ny, nx = destination.shape
    # position in the grid = base + z·step_z + y·step_y + x·step_x, per axis
    ratio_z, ratio_y, ratio_x = gz / nz, gy / ny, gx / nx
    mirror = -1.0 if flip else 1.0
    a, b = np.float32(scale), np.float32(offset)
    padding = lowest * a + b
    for z in range(nz):
        cz = z - (nz - 1) * 0.5
        for y in range(ny):
            cy = y - (ny - 1) * 0.5
            for x in range(nx):
                cx = x - (nx - 1) * 0.5
                pz = (matrix[0, 0] * cz + matrix[0, 1] * cy + matrix[0, 2] * cx + nz * 0.5) * ratio_z - 0.5
                py = (matrix[1, 0] * cz + matrix[1, 1] * cy + matrix[1, 2] * cx + ny * 0.5) * ratio_y - 0.5
                px = (
                    mirror * (matrix[2, 0] * cz + matrix[2, 1] * cy + matrix[2, 2] * cx) + nx * 0.5
                ) * ratio_x - 0.5
                if pz < -0.5 or pz > gz - 0.5 or py < -0.5 or py > gy - 0.5 or px < -0.5 or px > gx - 0.5:
                    destination[z, y, x] = padding
                    continue
                pz = min(max(pz, 0.0), gz - 1.0)
                py = min(max(py, 0.0), gy - 1.0)
                px = min(max(px, 0.0), gx - 1.0)
                iz, iy, ix = int(pz), int(py), int(px)
                jz, jy, jx = min(iz + 1, gz - 1), min(iy + 1, gy - 1), min(ix + 1, gx - 1)
                fz, fy, fx = np.float32(pz - iz), np.float32(py - iy), np.float32(px - ix)
                v00 = grid[iz, iy, ix] + fx * (grid[iz, iy, jx] - grid[iz, iy, ix])
                v01 = grid[iz, jy, ix] + fx * (grid[iz, jy, jx] - grid[iz, jy, ix])
                v10 = grid[jz, iy, ix] + fx * (grid[jz, iy, jx] - grid[jz, iy, ix])
                v11 = grid[jz, jy, ix] + fx * (grid[jz, jy, jx] - grid[jz, jy, ix])
                v0 = v00 + fy * (v01 - v00)
                v1 = v10 + fy * (v11 - v10)
                destination[z, y, x] = (v0 + fz * (v1 - v0)) * a + b
