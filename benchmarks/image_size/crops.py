"""How many views of radiographs are enlarged: the crop has fewer pixels than the view that is made of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageRecipe
from pcrl.engine.images.views import GLOBALS, draw_settings, empty_plan, plan_views
from pcrl.kernels.streams import sample_key

ORIGINALS = {
    "ChestX-ray14": (1024, 1024),
    "CheXpert-small, upright": (390, 320),
    "CheXpert-small, lying": (320, 390),
    "CheXpert, full": (2828, 2320),
}
"""Height and width of a usual image; in CheXpert they differ from image to image."""


def stored_size(original: tuple[int, int], size: int, longest: float) -> tuple[int, int]:
    """Height and width in a cache of `data.size` and `data.longest`: never larger than the original."""
    factor = min(1.0, size / min(original), size * longest / max(original))
    return max(1, round(original[0] * factor)), max(1, round(original[1] * factor))


def enlarged(recipe: ImageRecipe, image: tuple[int, int], samples: int) -> list[float]:
    """Shares of views that are made of less than they show.

    Args:
        recipe: whose views are drawn.
        image: height and width that they are cut from.
        samples: how many are drawn; each has two global views and the recipe's local ones.

    Returns:
        Of global views, then of local ones: the share whose crop is smaller than the view along a side, and the share
        whose crop has fewer pixels than the view in all.
    """
    settings = draw_settings(recipe.views, recipe.corruption)
    plan = empty_plan(recipe.views, recipe.corruption)
    sides = np.empty((samples, len(plan.boxes), 2), np.int64)
    for number in range(samples):
        plan_views(sample_key(0, 0, number), image, settings, plan)
        sides[number] = plan.boxes[:, 2:]
    return [
        *_smaller(sides[:, :GLOBALS], recipe.views.global_shape),
        *_smaller(sides[:, GLOBALS:], recipe.views.local_shape),
    ]


def _smaller(sides: NDArray[np.int64], shape: tuple[int, int]) -> tuple[float, float]:
    along_a_side = (sides < np.array(shape)).any(axis=-1)
    in_all = sides.prod(axis=-1) < np.prod(shape)
    return float(along_a_side.mean()), float(in_all.mean())
