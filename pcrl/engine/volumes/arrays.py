"""Views of a plain array: the same that the loader makes, without a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.config import TissueRule, VolumeRecipe
from pcrl.engine.batch import SampleSlot
from pcrl.engine.geometry.box import Box
from pcrl.engine.recipe import recipe_of
from pcrl.engine.volumes.cut import Voxels, Workspace, render_views
from pcrl.engine.volumes.prepare import CELL
from pcrl.engine.volumes.tissue import Tissue
from pcrl.engine.volumes.views import plan_views


def views_of(
    volume: Voxels,
    recipe: str | Path | VolumeRecipe,
    key: int,
    *,
    scale: float = 1.0,
    offset: float = 0.0,
    tissue: Tissue | None = None,
    rule: TissueRule = "foreground",
) -> SampleSlot:
    """One sample of a volume: where views are, how they are turned and corrupted is drawn from the key alone.

    Args:
        volume: (z, y, x) int16 or float32, at the recipe's `data.spacing`.
        recipe: built-in name, path of a TOML file, or the recipe itself.
        key: any number from 0 to 2^64 - 1; that of a loader's sample is `sample_key(seed, epoch, sample)`.
        scale, offset: `scale · voxel + offset` lies in [0, 1], where 0 is empty space.
        tissue: what is where, so that views are not empty. None: any box will do.
        rule: by which a box is refused, if there is `tissue`.

    Returns:
        New arrays of one sample, batch size 1: `globals` (2, 1, 1, z, y, x), `target` (1, 1, z, y, x) and `locals`
        (locals, 1, 1, z, y, x), float32.
    """
    recipe, shape = recipe_of(recipe, VolumeRecipe), _size(volume.shape)
    if tissue is None:
        cells = [-(-n // CELL) for n in shape]
        tissue, rule = Tissue(np.ones((2, *cells), np.float32), shape), "foreground"
    plan = plan_views(key, shape, [tissue], rule, recipe.views, recipe.corruption)
    to = SampleSlot.of_one(recipe)
    region = _region(volume, plan.region, -offset / scale)
    render_views(plan, region, scale, offset, recipe.corruption, Workspace(recipe), to)
    return to


def _region(volume: Voxels, box: Box, empty: float) -> Voxels:
    """The voxels of a box, which may reach beyond the volume."""
    kind = volume.dtype
    region: NDArray[np.int16] = np.full(box.size, round(empty) if kind.kind == "i" else empty, kind)
    inside, to = [], []
    for start, stop, count in zip(box.start, box.stop, volume.shape, strict=True):
        low, high = max(0, start), min(stop, count)
        inside.append(slice(low, high))
        to.append(slice(low - start, high - start))
    region[tuple(to)] = volume[tuple(inside)]
    return region


def _size(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(f"a volume is (z, y, x), this array has the shape {tuple(shape)}")
    return shape[0], shape[1], shape[2]
