"""Views of a plain array: the same that the loader makes, without a cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageRecipe
from pcrl.engine.batch import SampleSlot
from pcrl.engine.images.cut import room_for
from pcrl.engine.images.views import draw_settings, empty_plan, plan_views
from pcrl.engine.recipe import recipe_of
from pcrl.kernels.images.sample import SampleViews, render_views


def views_of(
    image: NDArray[Any], recipe: str | Path | ImageRecipe, key: int, *, scale: float | None = None
) -> SampleSlot:
    """One sample of an image: where views are, how they are turned and corrupted is drawn from the key alone.

    Args:
        image: (y, x) uint8, uint16 or float32.
        recipe: built-in name, path of a TOML file, or the recipe itself.
        key: any number from 0 to 2^64 - 1; that of a loader's sample is `sample_key(seed, epoch, sample)`.
        scale: what a pixel is multiplied by to lie in [0, 1]. None: 1/255, 1/65535 or 1, by the type of the array.

    Returns:
        New arrays of one sample, batch size 1: `globals` (2, 1, 1, y, x), `target` (1, 1, y, x) and `locals`
        (locals, 1, 1, y, x), float32; `holes` (2, 1, holes, 4), which are not cut out yet.
    """
    recipe = recipe_of(recipe, ImageRecipe)
    if image.ndim != 2:
        raise ValueError(f"an image is (y, x), this array has the shape {image.shape}")
    if scale is None:
        scale = 1.0 if image.dtype.kind == "f" else 1 / np.iinfo(image.dtype).max
    views = recipe.views
    height, width = image.shape
    plan, to = empty_plan(views, recipe.corruption), SampleSlot.of_one(recipe)
    plan_views(key, (height, width), draw_settings(views, recipe.corruption), plan)
    to.holes[:, to.position] = plan.holes
    room = room_for([views.global_shape, views.local_shape], max(height, width))
    arrays = SampleViews(to.globals, to.target, to.locals, to.position)
    render_views(np.ascontiguousarray(image), scale, plan, arrays, room, np.zeros(2, np.int64))
    return to
