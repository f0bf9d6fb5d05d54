"""Cutting one view out of an image: crop, anti-aliased resize, rotation and flip, without an allocation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.images.warp import turn
from pcrl.kernels.pixels.resample import GROUP, resample_box

WEIGHTS = 8
"""The weights of an axis fit into so many times its longer side: n · (2 · size / n + 1), filled up to whole groups."""


class Room(NamedTuple):
    """What one thread needs to make views in; all of it is overwritten. See `pcrl.engine.images.cut.room_for`.

    Args:
        first: (3, n) int64, weights: (2, `WEIGHTS` · n) float32: taps of the resize, n the longest side there is.
        plane, row, grid: the crop on its way to the view's size.
        work, gauss: a blur in the making, and its weights.
        lanes: partial sums of a mean.
    """

    first: NDArray[np.int64]
    weights: NDArray[np.float32]
    plane: NDArray[np.float32]
    row: NDArray[np.float32]
    grid: NDArray[np.float32]
    work: NDArray[np.float32]
    gauss: NDArray[np.float32]
    lanes: NDArray[np.float64]


@kernel
def axis_taps(
    size: int, count: int, along: bool, first: NDArray[np.int64], weights: NDArray[np.float32]
) -> int:
    """The taps that bring `size` pixels to `count` ≤ size: `pixels.resample.reduction` without an allocation.

    Args:
        along: weights as (taps, count), as the last axis takes them; else (count, taps).
        first: at least `count`, overwritten: the first pixel that counts for each output.
        weights: flat, overwritten.

    Returns:
        Taps of each output: 1 where pixels are taken as they come.
    """
    if size == count:
        for i in range(count):
            first[i] = i
        return 1
    ratio = size / count
    taps = min(size, math.ceil(2 * ratio) + 1)
    filled = -(-taps // GROUP) * GROUP
    step, stride = (count, 1) if along else (1, filled)
    for i in range(count):
        position = (ratio - 1) / 2 + ratio * i
        low = min(max(math.floor(position - ratio) + 1, 0), size - taps)
        total = 0.0
        for k in range(taps):
            total += max(0.0, 1.0 - abs(low + k - position) / ratio)
        first[i] = low
        for k in range(filled):
            weight = max(0.0, 1.0 - abs(low + k - position) / ratio) / total if k < taps else 0.0
            weights[i * stride + k * step] = weight
    return filled


@kernel
def cut_view(
    image: NDArray[Any],
    box: NDArray[np.int64],
    angle: float,
    flip: bool,
    scale: float,
    room: Room,
    output: NDArray[np.float32],
) -> None:
    """Crop, resize (anti-aliased), rotate and flip one view.

    Args:
        image: (y, x), integers or float32; the box lies within it.
        box: (4,), first row and column, height, width.
        angle, flip, scale: see `turn`.
        output: (y, x), overwritten.
    """
    first, weights = room.first, room.weights
    height, width = box[2], box[3]
    # Axes on which the box is smaller than the view keep their pixels; the gather enlarges them.
    ny, nx = min(height, output.shape[0]), min(width, output.shape[1])
    taps_y = axis_taps(height, ny, False, first[0], weights[0])
    taps_x = axis_taps(width, nx, True, first[1], weights[1])
    first[2, 0] = 0
    small = room.grid[: ny * nx]
    # Rows take the place of slices, with one row in each: so they are weighted before anything is copied.
    resample_box(
        image.reshape(image.shape[0], 1, image.shape[1]), (box[0], 0, box[1]), (height, 1, width),
        first[0, :ny], weights[0, : ny * taps_y].reshape(ny, taps_y),
        first[2, :1], weights[0, :1].reshape(1, 1),
        first[1, :nx], weights[1, : nx * taps_x].reshape(taps_x, nx),
        room.plane, room.row, small.reshape(ny, 1, nx),
    )  # fmt: skip
    turn(small.reshape(ny, nx), output, angle, flip, scale)
