"""All randomness of a sample of an image, and none of its pixels: which crops, how they are turned and corrupted.

A plan is a pure function of (seed, epoch, sample, settings, size of the image), as it is for volumes. It is drawn and
rendered without the GIL, so it is arrays and no objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageCorruption, ImageViews
from pcrl.kernels.images.draw import NUMBERS, draw_crop, draw_views

GLOBALS = 2
ImageBox = tuple[int, int, int, int]
"""First row and column, height, width: within an image."""


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """Everything needed to render one sample: two global views first, then the local ones.

    Args:
        boxes: (views, 4) int64, each an `ImageBox`.
        numbers: (views, `NUMBERS`) float64, see `pcrl.kernels.images.draw`.
        holes: (2, holes, 4) int32: first row and column, and those after the last, of squares cut out of a global view.
    """

    boxes: NDArray[np.int64]
    numbers: NDArray[np.float64]
    holes: NDArray[np.int32]

    @classmethod
    def empty(cls, views: ImageViews, corruption: ImageCorruption) -> ImagePlan:
        """Room for a plan, to be drawn into again and again."""
        count = GLOBALS + views.locals
        return cls(
            np.empty((count, 4), np.int64),
            np.empty((count, NUMBERS)),
            np.empty((GLOBALS, corruption.holes, 4), np.int32),
        )


def plan_image(
    key: int, size: tuple[int, int], views: ImageViews, corruption: ImageCorruption, plan: ImagePlan
) -> None:
    """Draw one sample of an image.

    Args:
        key: from `pcrl.kernels.streams.sample_key`.
        size: height and width of the image in the cache.
        plan: overwritten.
    """
    draw_views(
        np.uint64(key),  # type: ignore[arg-type]
        *size, views.global_shape, views.global_area, views.local_area, views.aspect,
        math.radians(views.angle), views.flip_probability, corruption.blur_probability, corruption.blur_sigma,
        corruption.brightness, corruption.contrast, corruption.hole_edge,
        plan.boxes, plan.numbers, plan.holes,
    )  # fmt: skip


def crop_of(
    key: int, size: tuple[int, int], area: tuple[float, float], aspect: tuple[float, float]
) -> ImageBox:
    """One random resized crop of an image of this height and width; see `draw_crop`."""
    # As it is, Numba takes no integer above 2^63.
    y, x, height, width = draw_crop(np.uint64(key), *size, area, aspect)  # type: ignore[arg-type]
    return y, x, height, width
