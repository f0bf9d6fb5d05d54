"""Flip, affine and what is left of a resize in one trilinear gather.

Axes on which a box is larger than its view come here already reduced to the view's size, with a widened tent (the
anti-aliased linear resize of Pillow and PyTorch): see `pcrl.kernels.pixels.resample`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel

_f = np.float32


@kernel
def affine_matrix(
    scales: tuple[float, float, float], angles: tuple[float, float, float]
) -> NDArray[np.float64]:
    """3×3 matrix of an affine map about the centre: scale each axis, then rotate about z, then y, then x.

    Args:
        scales: (z, y, x), dimensionless.
        angles: rotation about the (z, y, x) axis, radians.
    """
    matrix = np.zeros((3, 3))
    for axis in range(3):
        matrix[axis, axis] = scales[axis]
    for axis in range(3):
        i, j = (1 if axis == 0 else 0), (1 if axis == 2 else 2)
        cosine, sine = math.cos(angles[axis]), math.sin(angles[axis])
        for column in range(3):
            a, b = matrix[i, column], matrix[j, column]
            matrix[i, column] = cosine * a - sine * b
            matrix[j, column] = sine * a + cosine * b
    return matrix


@kernel
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
    smallest value of `grid` (published: padded with the crop's minimum). Without a branch in the innermost loop, which
    then runs on whole vectors.

    Args:
        grid: (z, y, x) float32, covers the same box as `destination`.
        destination: (z, y, x) float32, overwritten with `scale · value + offset`.
        matrix: 3×3, offsets from the centre of `destination` to offsets in the resized crop, in its voxels.
        flip: mirror the last axis before the affine map.
    """
    flat = grid.reshape(-1)
    lowest = flat[0]
    for i in range(flat.size):
        lowest = min(lowest, flat[i])
    gz, gy, gx = grid.shape
    nz, ny, nx = destination.shape
    ratio_z, ratio_y, ratio_x = gz / nz, gy / ny, gx / nx
    mirror = -1.0 if flip else 1.0
    a, b = _f(scale), _f(offset)
    padding = lowest * a + b
    # The last cell of an axis also serves its last voxel, with a share of 1 of the voxel after; an axis of one voxel
    # has no voxel after.
    cell_z, cell_y, cell_x = np.int32(max(gz - 2, 0)), np.int32(max(gy - 2, 0)), np.int32(max(gx - 2, 0))
    up_z, up_y, up_x = (
        np.uint64(gy * gx if gz > 1 else 0),
        np.uint64(gx if gy > 1 else 0),
        np.uint64(1 if gx > 1 else 0),
    )
    stride_z, stride_y = np.int32(gy * gx), np.int32(gx)
    end_z, end_y, end_x = _f(gz - 1), _f(gy - 1), _f(gx - 1)
    step_z = _f(matrix[0, 2] * ratio_z)
    step_y = _f(matrix[1, 2] * ratio_y)
    step_x = _f(mirror * matrix[2, 2] * ratio_x)
    for z in range(nz):
        cz = z - (nz - 1) * 0.5
        for y in range(ny):
            cy, cx = y - (ny - 1) * 0.5, -(nx - 1) * 0.5
            base_z = _f(
                (matrix[0, 0] * cz + matrix[0, 1] * cy + matrix[0, 2] * cx + nz * 0.5) * ratio_z - 0.5
            )
            base_y = _f(
                (matrix[1, 0] * cz + matrix[1, 1] * cy + matrix[1, 2] * cx + ny * 0.5) * ratio_y - 0.5
            )
            base_x = _f(
                (mirror * (matrix[2, 0] * cz + matrix[2, 1] * cy + matrix[2, 2] * cx) + nx * 0.5) * ratio_x
                - 0.5
            )
            output = destination[z, y]
            for x in range(nx):
                along = _f(np.int32(x))
                pz = base_z + along * step_z
                py = base_y + along * step_y
                px = base_x + along * step_x
                inside = (
                    (pz >= _f(-0.5)) & (pz <= end_z + _f(0.5))
                    & (py >= _f(-0.5)) & (py <= end_y + _f(0.5))
                    & (px >= _f(-0.5)) & (px <= end_x + _f(0.5))
                )  # fmt: skip
                pz = min(max(pz, _f(0)), end_z)
                py = min(max(py, _f(0)), end_y)
                px = min(max(px, _f(0)), end_x)
                iz = min(np.int32(pz), cell_z)
                iy = min(np.int32(py), cell_y)
                ix = min(np.int32(px), cell_x)
                fz, fy, fx = pz - _f(iz), py - _f(iy), px - _f(ix)
                at = np.uint64(np.int32(iz * stride_z + iy * stride_y + ix))
                v000, v001 = flat[at], flat[at + up_x]
                v010, v011 = flat[at + up_y], flat[at + up_y + up_x]
                v100, v101 = flat[at + up_z], flat[at + up_z + up_x]
                v110, v111 = flat[at + up_z + up_y], flat[at + up_z + up_y + up_x]
                v00 = v000 + fx * (v001 - v000)
                v01 = v010 + fx * (v011 - v010)
                v10 = v100 + fx * (v101 - v100)
                v11 = v110 + fx * (v111 - v110)
                v0 = v00 + fy * (v01 - v00)
                v1 = v10 + fy * (v11 - v10)
                value = (v0 + fz * (v1 - v0)) * a + b
                output[x] = value if inside else padding
