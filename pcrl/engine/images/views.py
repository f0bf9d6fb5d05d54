"""All randomness of a sample of an image, and none of its pixels: which crops, how they are turned and corrupted.

A plan is a pure function of (seed, epoch, sample, settings, size of the image), as it is for volumes. It is drawn and
rendered without the GIL, so it is arrays and no objects.
"""

from __future__ import annotations

import math

import numpy as np

from pcrl.config import ImageCorruption, ImageViews
from pcrl.kernels.images.draw import NUMBERS, DrawSettings, ViewPlan, draw_crop, draw_views

GLOBALS = 2
ImageBox = tuple[int, int, int, int]
"""First row and column, height, width: within an image."""


def draw_settings(views: ImageViews, corruption: ImageCorruption) -> DrawSettings:
    """The settings of a recipe as the kernel takes them."""
    return DrawSettings(
        views.global_shape,
        views.global_area,
        views.local_area,
        views.aspect,
        math.radians(views.angle),
        views.flip_probability,
        corruption.blur_probability,
        corruption.blur_sigma,
        corruption.brightness,
        corruption.contrast,
        corruption.hole_edge,
    )


def empty_plan(views: ImageViews, corruption: ImageCorruption) -> ViewPlan:
    """Room for a plan, to be drawn into again and again."""
    count = GLOBALS + views.locals
    return ViewPlan(
        np.empty((count, 4), np.int64),
        np.empty((count, NUMBERS)),
        np.empty((GLOBALS, corruption.holes, 4), np.int32),
    )


def plan_views(key: int, size: tuple[int, int], settings: DrawSettings, plan: ViewPlan) -> None:
    """Draw one sample of an image.

    Args:
        key: from `pcrl.kernels.streams.sample_key`.
        size: height and width of the image.
        settings: from `draw_settings`.
        plan: overwritten.
    """
    # As it is, Numba takes no integer above 2^63.
    draw_views(np.uint64(key), *size, settings, plan)  # type: ignore[arg-type]


def crop_of(
    key: int, size: tuple[int, int], area: tuple[float, float], aspect: tuple[float, float]
) -> ImageBox:
    """One random resized crop of an image of this height and width; see `draw_crop`."""
    y, x, height, width = draw_crop(np.uint64(key), *size, area, aspect)  # type: ignore[arg-type]
    return y, x, height, width
