"""All views of a sample of an image, cut, turned and corrupted in one call without the GIL.

A sample takes less than a millisecond: called view by view from Python, threads would wait for the GIL as long as they
work.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.clock import cycles
from pcrl.kernels.compile import kernel
from pcrl.kernels.images.draw import ANGLE, BRIGHTNESS, CONTRAST, CONTRAST_FIRST, FLIP, SIGMA
from pcrl.kernels.images.jitter import jitter
from pcrl.kernels.images.warp import turn
from pcrl.kernels.pixels.blur import blur
from pcrl.kernels.pixels.resample import GROUP, resample_box

WEIGHTS = 8
"""The weights of an axis fit into so many times its longer side: n · (2 · size / n + 1), filled up to whole groups."""


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
    first: NDArray[np.int64],
    weights: NDArray[np.float32],
    plane: NDArray[np.float32],
    row: NDArray[np.float32],
    grid: NDArray[np.float32],
    output: NDArray[np.float32],
) -> None:
    """Crop, resize (anti-aliased), rotate and flip one view.

    Args:
        image: (y, x), integers; the box lies within it.
        box: (4,), first row and column, height, width.
        angle, flip, scale: see `turn`.
        first: (3, n), weights: (2, n), plane, row, grid: room, see `pcrl.engine.images.cut.ImageWorkspace`.
        output: (y, x), overwritten.
    """
    height, width = box[2], box[3]
    # Axes on which the box is smaller than the view keep their pixels; the gather enlarges them.
    ny, nx = min(height, output.shape[0]), min(width, output.shape[1])
    taps_y = axis_taps(height, ny, False, first[0], weights[0])
    taps_x = axis_taps(width, nx, True, first[1], weights[1])
    first[2, 0] = 0
    small = grid[: ny * nx]
    # Rows take the place of slices, with one row in each: so they are weighted before anything is copied.
    resample_box(
        image.reshape(image.shape[0], 1, image.shape[1]), (box[0], 0, box[1]), (height, 1, width),
        first[0, :ny], weights[0, : ny * taps_y].reshape(ny, taps_y),
        first[2, :1], weights[0, :1].reshape(1, 1),
        first[1, :nx], weights[1, : nx * taps_x].reshape(taps_x, nx),
        plane, row, small.reshape(ny, 1, nx),
    )  # fmt: skip
    turn(small.reshape(ny, nx), output, angle, flip, scale)


@kernel
def render_views(
    image: NDArray[Any],
    scale: float,
    boxes: NDArray[np.int64],
    numbers: NDArray[np.float64],
    position: int,
    globals_: NDArray[np.float32],
    target: NDArray[np.float32],
    locals_: NDArray[np.float32],
    first: NDArray[np.int64],
    weights: NDArray[np.float32],
    plane: NDArray[np.float32],
    row: NDArray[np.float32],
    grid: NDArray[np.float32],
    work: NDArray[np.float32],
    gauss: NDArray[np.float32],
    lanes: NDArray[np.float64],
    ticks: NDArray[np.int64],
) -> None:
    """Write all views of a sample into its place in a batch, and the target of the first.

    Args:
        image: (y, x), integers; boxes lie at its top left.
        scale: what a pixel is multiplied by to lie in [0, 1].
        boxes, numbers: from `draw_views`.
        position: of the sample in the batch.
        globals_: (globals, batch, 1, y, x); target: (batch, 1, y, x); locals_: (locals, batch, 1, y, x).
        ticks: (2,) time spent on cutting and turning, on corrupting; added to.
    """
    for view in range(len(boxes)):
        begun = cycles()
        is_local = view - len(globals_)
        output = globals_[view, position, 0] if is_local < 0 else locals_[is_local, position, 0]
        cut_view(
            image, boxes[view], numbers[view, ANGLE], numbers[view, FLIP] > 0, scale,
            first, weights, plane, row, grid, output,
        )  # fmt: skip
        if view == 0:
            target[position, 0] = output
        cut = cycles()
        sigma = numbers[view, SIGMA]
        if sigma > 0:
            blur(output.reshape(1, output.shape[0], output.shape[1]), 0.0, sigma, sigma, work, row, gauss)
        jitter(
            output.reshape(-1), numbers[view, BRIGHTNESS], numbers[view, CONTRAST],
            numbers[view, CONTRAST_FIRST] > 0, lanes,
        )  # fmt: skip
        ticks[0] += cut - begun
        ticks[1] += cycles() - cut
