"""Drawing the views of an image: crops, turns, corruptions and holes, all in one call without the GIL."""

from __future__ import annotations

import math

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
def draw_views(
    key: int,
    height: int,
    width: int,
    global_shape: tuple[int, int],
    global_area: tuple[float, float],
    local_area: tuple[float, float],
    aspect: tuple[float, float],
    angle: float,
    flip_probability: float,
    blur_probability: float,
    blur_sigma: tuple[float, float],
    brightness: float,
    contrast: float,
    hole_edge: int,
    boxes: NDArray[np.int64],
    numbers: NDArray[np.float64],
    holes: NDArray[np.int32],
) -> None:
    """Draw all views of one sample.

    Args:
        key: of the sample; view `n` draws from streams derived with `n`, then with the operation.
        height, width: of the image.
        angle: largest rotation to either side, radians.
        boxes: (views, 4), overwritten: first row and column, height, width.
        numbers: (views, `NUMBERS`), overwritten: angle, flip (0 or 1), σ of the blur (0: none), factors of brightness
            and contrast, whether contrast comes first.
        holes: (globals, holes, 4), overwritten: first row and column and those after the last, of squares with centres
            anywhere in a global view, clipped at its border (published: Cutout). The first views are the global ones.
    """
    for view in range(len(boxes)):
        own = derive(key, view)
        area = global_area if view < len(holes) else local_area
        crop = draw_crop(derive(own, CROP), height, width, area, aspect)
        for i in range(4):
            boxes[view, i] = crop[i]
        turn, blur, jitter = (
            derive(own, TURN),
            derive(own, BLUR),
            derive(own, JITTER),
        )
        numbers[view, ANGLE] = _between(turn, 0, -angle, angle)
        numbers[view, FLIP] = uniform(turn, 1) < flip_probability
        blurred = uniform(blur, 0) < blur_probability
        numbers[view, SIGMA] = _between(blur, 1, blur_sigma[0], blur_sigma[1]) if blurred else 0.0
        numbers[view, BRIGHTNESS] = _between(jitter, 0, 1 - brightness, 1 + brightness)
        numbers[view, CONTRAST] = _between(jitter, 1, 1 - contrast, 1 + contrast)
        numbers[view, CONTRAST_FIRST] = uniform(jitter, 2) < 0.5
        if view < len(holes):
            _draw_holes(derive(own, HOLES), global_shape, hole_edge, holes[view])


@kernel
def _draw_holes(key: int, shape: tuple[int, int], edge: int, holes: NDArray[np.int32]) -> None:
    half = edge // 2
    for hole in range(len(holes)):
        for axis in range(2):
            first = _integer(key, 2 * hole + axis, 0, shape[axis] - 1) - half
            holes[hole, axis] = max(0, first)
            holes[hole, 2 + axis] = min(shape[axis], first + edge)
