"""All randomness of a sample of an image, and none of its pixels: which crops, how they are turned and corrupted.

A plan is a pure function of (seed, epoch, sample, settings, size of the image), as it is for volumes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pcrl.config import ImageCorruption, ImageSize, ImageViews
from pcrl.engine.views import Draws, stream

CROP, TURN, BLUR, JITTER, HOLES = range(5)
"""Operations: each draws from a stream of its own, so that a change to one leaves the others as they were."""
_TRIES = 10
"""Crops drawn before the largest of an allowed aspect is taken (torchvision's RandomResizedCrop)."""
Hole = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ImageBox:
    """A box of pixels within an image."""

    y: int
    x: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class ImageView:
    """One view: what is cut, how it is turned (the target is taken then), how it is corrupted.

    Args:
        angle: counter-clockwise, radians; the flip comes after it.
        blur: σ of the Gaussian in pixels; 0 for none.
        brightness, contrast: factors; in which order they are applied, `contrast_first` says.
        holes: first row and column, and those after the last, of squares that are cut out (Cutout).
    """

    box: ImageBox
    shape: ImageSize
    angle: float
    flip: bool
    blur: float
    brightness: float
    contrast: float
    contrast_first: bool
    holes: tuple[Hole, ...]


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """Everything needed to render one sample: two global views first, then the local ones."""

    views: tuple[ImageView, ...]


def plan_image(key: int, size: tuple[int, int], views: ImageViews, corruption: ImageCorruption) -> ImagePlan:
    """Draw one sample of an image.

    Args:
        key: from `pcrl.engine.views.sample_key`.
        size: height and width of the image in the cache.
    """
    kinds = [(views.global_shape, views.global_area, True)] * 2
    kinds += [(views.local_shape, views.local_area, False)] * views.locals
    return ImagePlan(
        tuple(
            _view(stream(key, number), size, shape, area, is_global, views, corruption)
            for number, (shape, area, is_global) in enumerate(kinds)
        )
    )


def _view(
    key: int,
    size: tuple[int, int],
    shape: ImageSize,
    area: tuple[float, float],
    is_global: bool,
    views: ImageViews,
    corruption: ImageCorruption,
) -> ImageView:
    turn, blur, jitter = (Draws(stream(key, operation)) for operation in (TURN, BLUR, JITTER))
    blurred = blur.uniform() < corruption.blur_probability
    return ImageView(
        box=crop_of(Draws(stream(key, CROP)), size, area, views.aspect),
        shape=shape,
        angle=math.radians(turn.uniform(-views.angle, views.angle)),
        flip=turn.uniform() < views.flip_probability,
        blur=blur.uniform(*corruption.blur_sigma) if blurred else 0.0,
        brightness=jitter.uniform(1 - corruption.brightness, 1 + corruption.brightness),
        contrast=jitter.uniform(1 - corruption.contrast, 1 + corruption.contrast),
        contrast_first=jitter.uniform() < 0.5,
        holes=_holes(Draws(stream(key, HOLES)), shape, corruption) if is_global else (),
    )


def crop_of(
    draws: Draws, size: tuple[int, int], area: tuple[float, float], aspect: tuple[float, float]
) -> ImageBox:
    """A box of a random share of the image's area and a random aspect, as torchvision's RandomResizedCrop draws it.

    Args:
        size: height and width of the image.
        area: range of the share.
        aspect: range of width by height, log-uniform.
    """
    height, width = size
    for _ in range(_TRIES):
        pixels = height * width * draws.uniform(*area)
        ratio = math.exp(draws.uniform(math.log(aspect[0]), math.log(aspect[1])))
        w, h = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
        if 0 < w <= width and 0 < h <= height:
            return ImageBox(draws.integer(0, height - h), draws.integer(0, width - w), h, w)
    w, h = width, height
    if width < aspect[0] * height:
        h = max(1, round(width / aspect[0]))
    elif width > aspect[1] * height:
        w = max(1, round(height * aspect[1]))
    return ImageBox((height - h) // 2, (width - w) // 2, h, w)


def _holes(draws: Draws, shape: ImageSize, corruption: ImageCorruption) -> tuple[Hole, ...]:
    """Squares with centres anywhere in the view, clipped at its border (published: Cutout)."""
    half, holes = corruption.hole_edge // 2, []
    for _ in range(corruption.holes):
        y, x = draws.integer(0, shape[0] - 1), draws.integer(0, shape[1] - 1)
        y0, x0 = max(0, y - half), max(0, x - half)
        y1 = min(shape[0], y - half + corruption.hole_edge)
        x1 = min(shape[1], x - half + corruption.hole_edge)
        holes.append((y0, x0, y1, x1))
    return tuple(holes)
