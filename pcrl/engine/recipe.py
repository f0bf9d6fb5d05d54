"""Which recipe to work with: the one that is given, or the one that the cache was made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pcrl.config import ImageRecipe, Recipe, RecipeError, VolumeRecipe, load_recipe, recipe_from
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.images.dataset import IMAGE_SET_RECORD, CachedImages, ImageSetRecord
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.engine.cache.volumes.records import DATASET_RECORD, DatasetRecord
from pcrl.notes import log_note

RecipeChoice = str | Path | Recipe | None
"""Built-in name, path of a TOML file, the recipe itself, or None for what the cache was made for."""
Kind = TypeVar("Kind", VolumeRecipe, ImageRecipe)
_KINDS = {2: ("images", IMAGE_SET_RECORD), 3: ("volumes", DATASET_RECORD)}


def ingest_recipe(
    folder: Path, dimensions: Literal[2, 3], recipe: RecipeChoice = None, overrides: Sequence[str] = ()
) -> Recipe:
    """The recipe that is given; else that by which the data set in `folder` was ingested; else the published one.

    Raises:
        RecipeError: it is for volumes where there are images, or the other way round.
        CacheError: under this name the cache holds the other kind.
    """
    kind, name = _KINDS[dimensions]
    other, others_name = _KINDS[5 - dimensions]
    if (folder / others_name).exists():
        raise CacheError(
            f"{folder} holds {other}, these are {kind}: give another name with --dataset, or another --cache"
        )
    if recipe is not None:
        settings = _given(recipe, overrides)
    elif (folder / name).exists():
        made_for: Recipe
        if dimensions == 2:
            made_for = read_record(ImageSetRecord, folder / name).recipe
        else:
            made_for = read_record(DatasetRecord, folder / name).recipe
        settings = _given(made_for, overrides)
    else:
        settings = load_recipe(f"pcrlv2-{dimensions}d", overrides)
    if settings.dimensions != dimensions:
        raise RecipeError(f"recipe {settings.name} is for {other}, {folder.name} holds {kind}")
    return settings


def recipe_of(choice: str | Path | Recipe, kind: type[Kind]) -> Kind:
    """A recipe of one kind, by name or as it is.

    Raises:
        RecipeError: no such recipe, or one of the other kind.
    """
    found = load_recipe(choice) if isinstance(choice, str | Path) else choice
    if not isinstance(found, kind):
        raise RecipeError(
            f"recipe {found.name} is for {_KINDS[found.dimensions][0]}, and cannot be used here"
        )
    return found


def recipe_for(
    cache: Cache,
    datasets: tuple[str, ...] = (),
    recipe: RecipeChoice = None,
    overrides: Sequence[str] = (),
    note: Callable[[str], None] = log_note,
) -> Recipe:
    """The recipe that is given, or that of the named data sets (all if none is named) if they agree.

    Args:
        note: is told of data sets that were ingested with other settings than the recipe is meant for.

    Raises:
        RecipeError: they do not agree, or hold nothing that the recipe is for.
    """
    sets: list[CachedDataset | CachedImages] = [*cache.datasets(datasets), *cache.image_sets(datasets)]
    if recipe is None:
        if len({each.record.recipe.name for each in sets}) > 1:
            listed = ", ".join(f"{each.name} ({each.record.recipe.name})" for each in sets)
            raise RecipeError(
                f"the cache was made for several recipes: {listed}; choose with --dataset or --recipe"
            )
        recipe = sets[0].record.recipe
    settings = _given(recipe, overrides)
    fitting = [each for each in sets if each.record.recipe.dimensions == settings.dimensions]
    if not fitting:
        raise RecipeError(
            f"recipe {settings.name} is for {_KINDS[settings.dimensions][0]}, and "
            f"{', '.join(each.name for each in sets)} holds none"
        )
    for each in fitting:
        ingested, chosen = each.record.recipe.data, settings.data
        for key in ("spacing", "size"):
            if getattr(ingested, key, None) != getattr(chosen, key, None):
                note(
                    f"{each.name} was ingested with data.{key} = {getattr(ingested, key)}, recipe {settings.name} is "
                    f"meant for {getattr(chosen, key)}"
                )
    return settings


def _given(recipe: str | Path | Recipe, overrides: Sequence[str]) -> Recipe:
    if isinstance(recipe, str | Path):
        return load_recipe(recipe, overrides)
    return recipe_from(recipe.model_dump(mode="json"), overrides)
