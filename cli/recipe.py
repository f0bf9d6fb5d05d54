"""Which recipe a command works with: the one it is given, or the one that the cache was made for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .console import console

if TYPE_CHECKING:
    from pcrl.config import Recipe
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.images.dataset import CachedImages
    from pcrl.engine.cache.volumes.dataset import CachedDataset


def ingest_recipe(
    folder: Path, dimensions: Literal[2, 3], recipe: str | None, overrides: tuple[str, ...]
) -> Recipe:
    """The recipe by name; else that by which the data set in `folder` was ingested; else the published one.

    Raises:
        RecipeError: it is for volumes where there are images, or the other way round.
        CacheError: under this name the cache holds the other kind.
    """
    from pcrl.config import RecipeError, load_recipe, recipe_from
    from pcrl.engine.cache.format import CacheError, load
    from pcrl.engine.cache.images.dataset import IMAGE_SET_RECORD, ImageSetRecord
    from pcrl.engine.cache.volumes.records import DATASET_RECORD, DatasetRecord

    kinds = {2: ("images", IMAGE_SET_RECORD), 3: ("volumes", DATASET_RECORD)}
    kind, name = kinds[dimensions]
    other, others_name = kinds[5 - dimensions]
    if (folder / others_name).exists():
        raise CacheError(
            f"{folder} holds {other}, these are {kind}: give another --cache, or rename the source"
        )
    if recipe is None and (folder / name).exists():
        made_for: Recipe
        if dimensions == 2:
            made_for = load(ImageSetRecord, folder / name).recipe
        else:
            made_for = load(DatasetRecord, folder / name).recipe
        settings = recipe_from(made_for.model_dump(mode="json"), overrides)
    else:
        settings = load_recipe(recipe or f"pcrlv2-{dimensions}d", overrides)
    if settings.dimensions != dimensions:
        raise RecipeError(f"recipe {settings.name} is for {other}, {folder.name} holds {kind}")
    return settings


def recipe_for(
    cache: Cache, names: tuple[str, ...], recipe: str | None, overrides: tuple[str, ...]
) -> Recipe:
    """The recipe by name, or that of the named data sets (all if none is named) if they agree.

    Raises:
        RecipeError: they do not agree, or hold nothing that the recipe is for.
    """
    from pcrl.config import RecipeError, load_recipe, recipe_from

    sets: list[CachedDataset | CachedImages] = [*cache.datasets(names), *cache.image_sets(names)]
    if recipe is None:
        if len({each.record.recipe.name for each in sets}) > 1:
            listed = ", ".join(f"{each.name} ({each.record.recipe.name})" for each in sets)
            raise RecipeError(
                f"the cache was made for several recipes: {listed}; choose with --dataset or --recipe"
            )
        settings = recipe_from(sets[0].record.recipe.model_dump(mode="json"), overrides)
    else:
        settings = load_recipe(recipe, overrides)
    fitting = [each for each in sets if each.record.recipe.dimensions == settings.dimensions]
    if not fitting:
        raise RecipeError(
            f"recipe {settings.name} is for {'images' if settings.dimensions == 2 else 'volumes'}, and "
            f"{', '.join(each.name for each in sets)} holds none"
        )
    for each in fitting:
        made, wanted = each.record.recipe.data, settings.data
        for key in ("spacing", "size"):
            if getattr(made, key, None) != getattr(wanted, key, None):
                console.print(
                    f"[yellow]note[/] {each.name} was ingested with data.{key} = {getattr(made, key)}, recipe "
                    f"{settings.name} is meant for {getattr(wanted, key)}"
                )
    return settings
