"""Separable resampling: from one axis-aligned grid to another, and of a box to a smaller one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel

_f = np.float32
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)
GROUP = 4
"""Taps that are added up in one pass over a row."""
Taps = tuple[NDArray[np.int64], NDArray[np.float32]]
"""For each output: the first voxel that counts, (count,), and the weights from there on, (count, taps)."""
BoxTaps = tuple[
    NDArray[np.int64], NDArray[np.float32],
    NDArray[np.int64], NDArray[np.float32],
    NDArray[np.int64], NDArray[np.float32],
]  # fmt: skip


def linear_taps(size: int, start: float, step: float, count: int, widen: bool) -> Taps:
    """Taps of linear interpolation at `start + step · i`, i < count, on an axis of `size` voxels.

    Positions beyond the first or last voxel take that voxel. With `widen`, a step above 1 widens the tent to the
    step, so that every source voxel counts (anti-aliasing).

    Returns:
        Taps, filled up for `resample_box`.
    """
    position = start + step * np.arange(count)
    support = max(1.0, step) if widen else 1.0
    taps = min(size, int(np.ceil(2 * support)) + 1)
    low = np.clip(np.floor(position - support).astype(np.int64) + 1, 0, size - taps)
    clamped = np.clip(position, 0, size - 1)
    distance = np.abs(low[:, None] + np.arange(taps) - clamped[:, None])
    weights = np.maximum(0.0, 1.0 - distance / support)
    weights /= weights.sum(axis=1, keepdims=True)
    return _packed(low, weights.astype(np.float32))


def reduction(size: int, count: int) -> Taps:
    """Taps that bring `size` voxels to `count` ≤ size with half-pixel centres; the identity if they are equal."""
    ratio = size / count
    return linear_taps(size, (ratio - 1) / 2, ratio, count, widen=True)


def _packed(first: NDArray[np.int64], weights: NDArray[np.float32]) -> Taps:
    """Drop the zeros before the first tap of each row, and fill the rows up to a multiple of `GROUP`.

    One tap alone says that voxels are taken as they come, from the first on.
    """
    lead = (weights != 0).argmax(axis=1)
    taps = int(np.count_nonzero(weights, axis=1).max())
    columns = lead[:, None] + np.arange(taps)
    kept = np.take_along_axis(np.pad(weights, ((0, 0), (0, taps))), columns, axis=1)
    as_they_come = taps == 1 and np.array_equal(first + lead, np.arange(len(first)))
    filled = 1 if as_they_come else -(-taps // GROUP) * GROUP
    return first + lead, np.ascontiguousarray(np.pad(kept, ((0, 0), (0, filled - taps))))


@cache
def box_taps(size: tuple[int, int, int], shape: tuple[int, int, int]) -> BoxTaps:
    """The taps that `resample_box` wants for a box of this size: first and weights for z, y and x."""
    return together(*map(reduction, size, shape))


def together(z: Taps, y: Taps, x: Taps) -> BoxTaps:
    """Taps of three axes in the order and layout that `resample_box` takes."""
    (first_z, weights_z), (first_y, weights_y), (first_x, weights_x) = z, y, x
    return first_z, weights_z, first_y, weights_y, first_x, np.ascontiguousarray(weights_x.T)


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
def resample_box(
    source: NDArray[Any],
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
    """Cut a box out of `source` and resample it along z, y and x to the shape of `grid`.

    Args:
        source: (z, y, x), integers or float32.
        start, size: the box, which lies within `source`.
        first_*, weights_*: from `together`.
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
                _weighted(plane, begin, size_x, size_y - first_y[j], weights_y[j], output, at, out_x)
            else:
                _weighted(plane, begin, size_x, size_y - first_y[j], weights_y[j], row, 0, size_x)
                _weighted_along(row, first_x, weights_x, output, at)


def resample(
    volume: NDArray[Any], taps: BoxTaps, grid: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """A whole (z, y, x) volume, resampled by the taps of three axes; into `grid` if it is given."""
    if grid is None:
        grid = np.empty((taps[0].size, taps[2].size, taps[4].size), np.float32)
    _, ny, nx = volume.shape
    plane, row = np.empty(ny * nx, np.float32), np.empty(nx + taps[5].shape[0], np.float32)
    resample_box(np.ascontiguousarray(volume), (0, 0, 0), volume.shape, *taps, plane, row, grid)
    return grid
