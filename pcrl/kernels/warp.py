"""Crop, resize, flip and affine in one call: from stored int16 to float32.

Axes on which the box is larger than the view are first reduced to the view's size with a widened tent (the
anti-aliased linear resize of Pillow and PyTorch); then one trilinear gather does the rest of the resize, the flip and
the affine map together.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.resample import linear_weights

_f = np.float32
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)
GROUP = 4
"""Taps that are added up in one pass over a row."""
Taps = tuple[NDArray[np.int64], NDArray[np.float32]]
BoxTaps = tuple[
    NDArray[np.int64], NDArray[np.float32],
    NDArray[np.int64], NDArray[np.float32],
    NDArray[np.int64], NDArray[np.float32],
]  # fmt: skip


def reduction(size: int, count: int) -> Taps:
    """Taps that bring `size` voxels to `count` ≤ size with half-pixel centres; the identity if they are equal.

    Returns:
        `first` (count,) and `weights` (count, taps); taps is 1 or a multiple of `GROUP`, filled up with zeros.
    """
    ratio = size / count
    first, weights = linear_weights(size, (ratio - 1) / 2, ratio, count, widen=True)
    lead = (weights != 0).argmax(axis=1)
    taps = int(np.count_nonzero(weights, axis=1).max())
    columns = lead[:, None] + np.arange(taps)
    kept = np.take_along_axis(np.pad(weights, ((0, 0), (0, taps))), columns, axis=1)
    filled = 1 if taps == 1 else -(-taps // GROUP) * GROUP
    return first + lead, np.ascontiguousarray(np.pad(kept, ((0, 0), (0, filled - taps))))


@cache
def box_taps(size: tuple[int, int, int], shape: tuple[int, int, int]) -> BoxTaps:
    """The taps that `reduce_box` wants for a box of this size: first and weights for z, y and x."""
    (first_z, weights_z), (first_y, weights_y), (first_x, weights_x) = map(reduction, size, shape)
    return first_z, weights_z, first_y, weights_y, first_x, np.ascontiguousarray(weights_x.T)


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
def _weighted(
    source: NDArray[Any],
    begin: int,
    stride: int,
    rows: int,
    weights: NDArray[np.float32],
    line: NDArray[np.float32],
    at: int,
    length: int,
) -> None:
    """`line[at + x] = Σ_k weights[k] · source[begin + k · stride + x]`, `GROUP` taps in one pass.

    Args:
        rows: rows that there are from `begin` on; beyond the last, weights are 0.
    """
    # Unsigned, as Numba else looks at every index for a negative one, counted from the end.
    to = np.uint64(at)
    if weights.size == 1:
        a = np.uint64(begin)
        for x in range(np.uint64(length)):
            line[to + x] = _f(source[a + x])
        return
    for k in range(0, weights.size, GROUP):
        a, b = np.uint64(begin + min(k, rows - 1) * stride), np.uint64(begin + min(k + 1, rows - 1) * stride)
        c, d = (
            np.uint64(begin + min(k + 2, rows - 1) * stride),
            np.uint64(begin + min(k + 3, rows - 1) * stride),
        )
        wa, wb, wc, wd = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        if k == 0:
            for x in range(np.uint64(length)):
                line[to + x] = (wa * _f(source[a + x]) + wb * _f(source[b + x])) + (
                    wc * _f(source[c + x]) + wd * _f(source[d + x])
                )
        else:
            for x in range(np.uint64(length)):
                line[to + x] += (wa * _f(source[a + x]) + wb * _f(source[b + x])) + (
                    wc * _f(source[c + x]) + wd * _f(source[d + x])
                )


@kernel
def _weighted_along(
    line: NDArray[np.float32],
    first: NDArray[np.int64],
    weights: NDArray[np.float32],
    output: NDArray[np.float32],
    at: int,
) -> None:
    """`output[at + x] = Σ_k weights[k, x] · line[first[x] + k]`; `line` goes on for `GROUP` voxels after its last."""
    to, count = np.uint64(at), np.uint64(first.size)
    taps = weights.reshape(-1)
    for k in range(np.uint64(0), np.uint64(weights.shape[0]), np.uint64(GROUP)):
        a = k * count
        b, c, d = a + count, a + np.uint64(2) * count, a + np.uint64(3) * count
        for x in range(count):
            i = np.uint64(first[x]) + k
            total = (taps[a + x] * line[i] + taps[b + x] * line[i + _ONE]) + (
                taps[c + x] * line[i + _TWO] + taps[d + x] * line[i + _THREE]
            )
            output[to + x] = total if k == 0 else output[to + x] + total


@kernel
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
        first_*, weights_*: from `reduction`, one row for each voxel of `grid` on that axis; those of x transposed.
        plane: at least y · x of the box; row: at least x of the box and the taps of x.
        grid: (z, y, x) float32, overwritten.
    """
    z0, y0, x0 = start
    size_z, size_y, size_x = size
    _, ny, nx = source.shape
    flat, output = source.reshape(-1), grid.reshape(-1)
    out_z, out_y, out_x = grid.shape
    row[size_x : size_x + weights_x.shape[0]] = 0
    for i in range(out_z):
        for y in range(size_y):
            begin = ((z0 + first_z[i]) * ny + y0 + y) * nx + x0
            _weighted(flat, begin, ny * nx, size_z - first_z[i], weights_z[i], plane, y * size_x, size_x)
        for j in range(out_y):
            at = (i * out_y + j) * out_x
            begin = first_y[j] * size_x
            if weights_x.shape[0] == 1:
                _weighted(plane, begin, size_x, size_y - first_y[j], weights_y[j], output, at, size_x)
            else:
                _weighted(plane, begin, size_x, size_y - first_y[j], weights_y[j], row, 0, size_x)
                _weighted_along(row, first_x, weights_x, output, at)


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
