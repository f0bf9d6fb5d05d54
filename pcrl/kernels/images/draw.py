"""Drawing the views of an image: crops, turns, corruptions and holes, all in one call without the GIL."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.random import derive, uniform

CROP, TURN, BLUR, JITTER, HOLES = range(5)
"""Operations: each draws from a stream of its own, so that a change to one leaves the others as they were."""
ANGLE, FLIP, SIGMA, BRIGHTNESS, CONTRAST, CONTRAST_FIRST, NUMBERS = range(7)
"""Columns of the numbers of a view."""
_TRIES = 10
"""Crops drawn before the largest of an allowed aspect is taken (torchvision's RandomResizedCrop)."""


class DrawSettings(NamedTuple):
    """What views may be.

    Args:
        global_shape: (y, x) pixels.
        global_area, local_area: range of the share of the image that a view shows.
        aspect: range of width by height of a crop.
        angle: largest rotation to either side, radians.
        blur_sigma: range of the Gaussian's σ, pixels.
        brightness, contrast: factors are from 1 − this to 1 + this.
        hole_edge: of squares that are cut out of global views, pixels.
    """

    global_shape: tuple[int, int]
    global_area: tuple[float, float]
    local_area: tuple[float, float]
    aspect: tuple[float, float]
    angle: float
    flip_probability: float
    blur_probability: float
    blur_sigma: tuple[float, float]
    brightness: float
    contrast: float
    hole_edge: int


class ViewPlan(NamedTuple):
    """Everything needed to render one sample: two global views first, then the local ones.

    Args:
        boxes: (views, 4) int64: first row and column, height, width of each crop.
        numbers: (views, `NUMBERS`) float64: angle, flip (0 or 1), σ of the blur (0: none), factors of brightness and
            contrast, whether contrast comes first.
        holes: (globals, holes, 4) int32: first row and column and those after the last, of squares with centres
            anywhere in a global view, clipped at its border (published: Cutout).
    """

    boxes: NDArray[np.int64]
    numbers: NDArray[np.float64]
    holes: NDArray[np.int32]


@kernel
def _between(key: int, counter: int, low: float, high: float) -> float:
    return low + (high - low) * uniform(key, counter)


@kernel
def _integer(key: int, counter: int, low: int, high: int) -> int:
    """A whole number from low … high, both included."""
    return low + min(int(uniform(key, counter) * (high - low + 1)), high - low)


@kernel
def draw_crop(
    key: int, height: int, width: int, area: tuple[float, float], aspect: tuple[float, float]
) -> tuple[int, int, int, int]:
    """A box of a random share of the image's area and a random aspect, as torchvision's RandomResizedCrop draws it.

    Args:
        key: draws 0 … 39 are used.
        area: range of the share.
        aspect: range of width by height, log-uniform.

    Returns:
        First row and column, height, width.
    """
    low, high = math.log(aspect[0]), math.log(aspect[1])
    for attempt in range(_TRIES):
        pixels = height * width * _between(key, 4 * attempt, area[0], area[1])
        ratio = math.exp(_between(key, 4 * attempt + 1, low, high))
        w, h = int(math.sqrt(pixels * ratio) + 0.5), int(math.sqrt(pixels / ratio) + 0.5)
        if 0 < w <= width and 0 < h <= height:
            y = _integer(key, 4 * attempt + 2, 0, height - h)
            return y, _integer(key, 4 * attempt + 3, 0, width - w), h, w
    w, h = width, height
    if width < aspect[0] * height:
        h = max(1, int(width / aspect[0] + 0.5))
    elif width > aspect[1] * height:
        w = max(1, int(height * aspect[1] + 0.5))
    return (height - h) // 2, (width - w) // 2, h, w


@kernel
def draw_views(key: int, height: int, width: int, settings: DrawSettings, plan: ViewPlan) -> None:
    """Draw all views of one sample.

    Args:
        key: of the sample; view `n` draws from streams derived with `n`, then with the operation.
        height, width: of the image.
        plan: overwritten.
    """
    boxes, numbers, holes = plan.boxes, plan.numbers, plan.holes
    for view in range(len(boxes)):
        own = derive(key, view)
        area = settings.global_area if view < len(holes) else settings.local_area
        crop = draw_crop(derive(own, CROP), height, width, area, settings.aspect)
        for i in range(4):
            boxes[view, i] = crop[i]
        turn, blur, jitter = derive(own, TURN), derive(own, BLUR), derive(own, JITTER)
        numbers[view, ANGLE] = _between(turn, 0, -settings.angle, settings.angle)
        numbers[view, FLIP] = uniform(turn, 1) < settings.flip_probability
        blurred = uniform(blur, 0) < settings.blur_probability
        low, high = settings.blur_sigma
        numbers[view, SIGMA] = _between(blur, 1, low, high) if blurred else 0.0
        numbers[view, BRIGHTNESS] = _between(jitter, 0, 1 - settings.brightness, 1 + settings.brightness)
        numbers[view, CONTRAST] = _between(jitter, 1, 1 - settings.contrast, 1 + settings.contrast)
        numbers[view, CONTRAST_FIRST] = uniform(jitter, 2) < 0.5
        if view < len(holes):
            _draw_holes(derive(own, HOLES), settings.global_shape, settings.hole_edge, holes[view])


@kernel
def _draw_holes(key: int, shape: tuple[int, int], edge: int, holes: NDArray[np.int32]) -> None:
    half = edge // 2
    for hole in range(len(holes)):
        for axis in range(2):
            first = _integer(key, 2 * hole + axis, 0, shape[axis] - 1) - half
            holes[hole, axis] = max(0, first)
            holes[hole, 2 + axis] = min(shape[axis], first + edge)
