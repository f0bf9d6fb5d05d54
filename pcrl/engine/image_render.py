"""From a plan to pixels: cut, turn and corrupt every view of an image."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageSize
from pcrl.engine.image_views import ImageBox, ImagePlan, ImageView
from pcrl.kernels.blur import MAXIMUM_RADIUS, blur
from pcrl.kernels.image_warp import turn
from pcrl.kernels.jitter import jitter
from pcrl.kernels.normalize import LANES
from pcrl.kernels.resample import GROUP, Taps, reduction, resample_box


class ImageWorkspace:
    """Buffers of one thread, allocated once.

    Args:
        shapes: of the views that are asked for.
        edge: longest side of an image in the cache.
        gather_seconds, corrupt_seconds: time spent on either, so far.
    """

    def __init__(self, shapes: Sequence[ImageSize], edge: int) -> None:
        self.gather_seconds = self.corrupt_seconds = 0.0
        largest = max(height * width for height, width in shapes)
        self.grid = np.empty(largest, np.float32)
        self.work = np.empty(largest, np.float32)
        self.plane = np.empty(edge, np.float32)
        self.row = np.empty(edge + 2 * MAXIMUM_RADIUS + edge + GROUP, np.float32)
        self.weights = np.empty(MAXIMUM_RADIUS + 1, np.float32)
        self.lanes = np.empty(LANES, np.float64)


def render_image(
    plan: ImagePlan,
    image: NDArray[Any],
    scale: float,
    workspace: ImageWorkspace,
    views: Sequence[NDArray[np.float32]],
    target: NDArray[np.float32],
    holes: NDArray[np.int32],
) -> None:
    """Write every view of a plan, the target of the first, and the holes of the global ones.

    Normalisation, the expansion to three channels and the holes are left to the device.

    Args:
        image: (y, x) uint8 or uint16; boxes lie at its top left.
        scale: what a pixel is multiplied by to lie in [0, 1].
        views: (y, x) float32 each, in [0, 1].
        holes: (2, holes, 4).
    """
    for number, (view, output) in enumerate(zip(plan.views, views, strict=True)):
        begun = time.perf_counter()
        cut_image(image, view.box, view.shape, view.angle, view.flip, scale, workspace, output)
        if number == 0:
            target[...] = output
        gathered = time.perf_counter()
        _corrupt(view, workspace, output)
        if number < len(holes):
            holes[number] = view.holes
        workspace.gather_seconds += gathered - begun
        workspace.corrupt_seconds += time.perf_counter() - gathered


def _corrupt(view: ImageView, workspace: ImageWorkspace, output: NDArray[np.float32]) -> None:
    if view.blur:
        blur(output[None], 0.0, view.blur, view.blur, workspace.work, workspace.row, workspace.weights)
    jitter(output.reshape(-1), view.brightness, view.contrast, view.contrast_first, workspace.lanes)


def cut_image(
    image: NDArray[Any],
    box: ImageBox,
    shape: ImageSize,
    angle: float,
    flip: bool,
    scale: float,
    workspace: ImageWorkspace,
    output: NDArray[np.float32],
) -> None:
    """Crop, resize (anti-aliased), rotate and flip one view of an image.

    Args:
        image: (y, x) uint8 or uint16, contiguous.
        output: (y, x) float32, of `shape`, overwritten with `scale · value`.
    """
    # Axes on which the box is smaller than the view keep their pixels; the gather enlarges them.
    height, width = min(box.height, shape[0]), min(box.width, shape[1])
    grid = workspace.grid[: height * width].reshape(height, width)
    taps = (*_down(box.height, height), *_down(1, 1), *_along(box.width, width))
    # Rows take the place of slices, with one row in each: so that they are weighted before anything is copied.
    resample_box(
        image[:, None], (box.y, 0, box.x), (box.height, 1, box.width), *taps, workspace.plane, workspace.row,
        grid[:, None],
    )  # fmt: skip
    turn(grid, output, angle, flip, scale)


# By axis: a crop has one of some hundred sizes on each, but one of ten thousand on both.
@cache
def _down(size: int, count: int) -> Taps:
    return reduction(size, count)


@cache
def _along(size: int, count: int) -> Taps:
    first, weights = reduction(size, count)
    return first, np.ascontiguousarray(weights.T)
