"""The published chain for radiographs, with Pillow and NumPy: 8 bits until the end, rotation to the nearest pixel.

The published code carries three equal channels through every step (mode RGB); one channel until the last step (mode L)
is what somebody would do who had noticed. Parameters come from the same plans as pcrl's, so that all do the same work.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from pcrl.config import ImageRecipe
from pcrl.engine.images.views import GLOBALS
from pcrl.kernels.images.draw import ANGLE, BRIGHTNESS, CONTRAST, CONTRAST_FIRST, FLIP, SIGMA, ViewPlan
from pcrl.models.images.inputs import DEVIATION, MEAN

View = NDArray[np.float32]
_MEAN, _DEVIATION = (np.array(values, np.float32)[:, None, None] for values in (MEAN, DEVIATION))


def views(image: Image.Image, plan: ViewPlan, recipe: ImageRecipe) -> list[View]:
    """The target, then each view, (3, y, x), normalised; with holes in the global ones.

    Args:
        image: of mode RGB or L.
    """
    results = []
    for number, (box, drawn) in enumerate(zip(plan.boxes.tolist(), plan.numbers, strict=True)):
        shape = recipe.views.global_shape if number < GLOBALS else recipe.views.local_shape
        turned = _turned(image, box, drawn, shape)
        if number == 0:
            results.append(_normalised(turned))
        result = _normalised(_corrupted(turned, drawn))
        for y0, x0, y1, x1 in plan.holes[number].tolist() if number < GLOBALS else ():
            result[:, y0:y1, x0:x1] = 0
        results.append(result)
    return results


def _turned(
    image: Image.Image, box: list[int], drawn: NDArray[np.float64], shape: tuple[int, int]
) -> Image.Image:
    y, x, height, width = box
    result = image.resize(shape[::-1], Image.Resampling.BILINEAR, (x, y, x + width, y + height))
    result = result.rotate(math.degrees(drawn[ANGLE]), Image.Resampling.NEAREST)
    return result.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if drawn[FLIP] else result


def _corrupted(image: Image.Image, drawn: NDArray[np.float64]) -> Image.Image:
    if drawn[SIGMA]:
        image = image.filter(ImageFilter.GaussianBlur(float(drawn[SIGMA])))
    steps = [(ImageEnhance.Brightness, drawn[BRIGHTNESS]), (ImageEnhance.Contrast, drawn[CONTRAST])]
    for enhancer, factor in reversed(steps) if drawn[CONTRAST_FIRST] else steps:
        image = enhancer(image).enhance(float(factor))
    return image


def _normalised(image: Image.Image) -> View:
    values = np.asarray(image, np.float32) / np.float32(255)
    channels = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    return (channels - _MEAN) / _DEVIATION
