"""What can be typed after an ingest, so that it works."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.images.dataset import CachedImages
    from pcrl.engine.cache.volumes.dataset import CachedDataset


def next_step(cache: Path, dataset: str) -> str:
    """The call of `pcrl pretrain` that trains on what was just ingested, or what is missing for one.

    It names the data set if others of the cache cannot be trained on together with it, and sets what a few cases need
    to fill a batch.
    """
    from pcrl.config import RecipeError
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.recipe import recipe_for
    from pcrl.engine.selection.select import select

    opened = Cache(cache)
    names: tuple[str, ...] = ()
    try:
        recipe = recipe_for(opened, note=_silent)
        if dataset not in {each.name for each in _of_kind(opened, recipe.dimensions)}:
            raise RecipeError("it is for the other kind of data")
    except RecipeError:
        names = (dataset,)
        recipe = recipe_for(opened, names, note=_silent)
    selection = select(opened, names, recipe)
    if not len(selection):
        return (
            f"There is nothing to pre-train on yet: every case of {dataset if names else cache} is of a patient held "
            "back for validation and test. Ingest more into it."
            if selection.held_back
            else f"There is nothing to pre-train on yet: no case of {dataset} is in the cache."
        )
    words = ["pcrl", "pretrain", "--cache", str(cache)]
    words += [word for name in names for word in ("--dataset", name)]
    needed = -(-recipe.training.batch_size // len(selection))
    if recipe.training.samples_per_case < needed:
        words += ["--set", f"training.samples_per_case={needed}"]
    return f"Next: {shlex.join(words)}"


def _silent(_: str) -> None:
    """Notes come when training begins."""


def _of_kind(opened: Cache, dimensions: int) -> list[CachedDataset] | list[CachedImages]:
    return opened.datasets() if dimensions == 3 else opened.image_sets()
