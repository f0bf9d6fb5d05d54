"""Which recipe to work with: the one that is given, or the one that the cache was made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pcrl.config import ImageRecipe, Recipe, RecipeError, VolumeRecipe, load_recipe, recipe_from
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.commit import COMMIT
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
    folder: Path,
    dimensions: Literal[2, 3],
    recipe: RecipeChoice = None,
    overrides: Sequence[str] = (),
    replacing: bool = False,
) -> Recipe:
    """The recipe that is given; else that of the data set in `folder`, of the cache around it, or the published one.

    Args:
        replacing: what is in `folder` may be made anew by other settings.

    Raises:
        RecipeError: it is for volumes where there are images, or the other way round; or the data sets of the cache
            were made by several.
        CacheError: under this name the cache holds the other kind, or something made by other settings.
    """
    kind, name = _KINDS[dimensions]
    other, others_name = _KINDS[5 - dimensions]
    if (folder / others_name).exists():
        raise CacheError(
            f"{folder} holds {other}, these are {kind}: give another name with --dataset, or another --cache"
        )
    present = _made_for(folder, dimensions) if (folder / name).exists() else None
    if recipe is not None:
        settings = _given(recipe, overrides)
    elif present is not None:
        settings = _given(present, overrides)
    elif (of_cache := _of_cache(folder.parent, dimensions)) is not None:
        settings = _given(of_cache, overrides)
    else:
        settings = load_recipe(f"pcrlv2-{dimensions}d", overrides)
    if settings.dimensions != dimensions:
        raise RecipeError(f"recipe {settings.name} is for {other}, {folder.name} holds {kind}")
    if present is not None and present.data != settings.data and not replacing and _holds_something(folder):
        raise CacheError(
            f"{folder} was made with {_difference(present, settings)}: another recipe would read all of it anew, and "
            "what is there would be gone. Keep both with another --cache (or --dataset), or throw away what is there "
            "with --replace"
        )
    return settings


def is_for(recipe: str | Path | Recipe, dimensions: Literal[2, 3]) -> bool:
    """Whether a recipe, by name or as it is, is for images (2) or volumes (3)."""
    found = load_recipe(recipe) if isinstance(recipe, str | Path) else recipe
    return found.dimensions == dimensions


def _made_for(folder: Path, dimensions: Literal[2, 3]) -> Recipe:
    if dimensions == 2:
        return read_record(ImageSetRecord, folder / IMAGE_SET_RECORD).recipe
    return read_record(DatasetRecord, folder / DATASET_RECORD).recipe


def _of_cache(cache: Path, dimensions: Literal[2, 3]) -> Recipe | None:
    """The recipe of the data sets of one kind in a cache, none if there are none; `RecipeError` if they differ."""
    record = _KINDS[dimensions][1]
    recipes = {
        path.parent.name: _made_for(path.parent, dimensions) for path in sorted(cache.glob(f"*/{record}"))
    }
    first = next(iter(recipes.values()), None)
    if first is not None and any(recipe.data != first.data for recipe in recipes.values()):
        listed = ", ".join(f"{name} ({recipe.name}, {_grain(recipe)})" for name, recipe in recipes.items())
        raise RecipeError(f"{cache} was made for several recipes: {listed}; choose with --recipe")
    return first


def _holds_something(folder: Path) -> bool:
    """Whether a case or a shard of images is whole there."""
    return any(folder.glob(f"cases/*/{COMMIT}")) or any(folder.glob("shards/*.json"))


def _difference(present: Recipe, other: Recipe) -> str:
    """`cpu-3d (data.spacing = …)`, not `pcrlv2-3d (data.spacing = …)`: the settings in which their data differ."""
    old, new = present.data.model_dump(), other.data.model_dump()
    keys = [key for key in old if old[key] != new[key]]
    before, after = (", ".join(f"data.{key} = {values[key]}" for key in keys) for values in (old, new))
    return f"recipe {present.name} ({before}), these settings are {other.name} ({after})"


def _grain(recipe: Recipe) -> str:
    """What must be alike in all that one network is trained on, in words."""
    if isinstance(recipe, VolumeRecipe):
        return "×".join(f"{mm:g}" for mm in recipe.data.spacing) + " mm"
    return f"{recipe.data.size} pixels"


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
    mixed: bool = False,
) -> Recipe:
    """The recipe that is given, or that of the named data sets (all if none is named) if they agree.

    Args:
        note: is told of data sets that were ingested with other settings than the recipe is meant for.
        mixed: data sets of several spacings, or of several sizes of images, are taken together.

    Raises:
        RecipeError: they do not agree, hold nothing that the recipe is for, or are of several spacings or sizes.
    """
    sets: list[CachedDataset | CachedImages] = [*cache.datasets(datasets), *cache.image_sets(datasets)]
    if recipe is None:
        if len({each.record.recipe.name for each in sets}) > 1:
            listed = ", ".join(f"{each.name} ({each.record.recipe.name})" for each in sets)
            raise RecipeError(
                f"the cache was made for several recipes: {listed}; choose with --dataset (in Python: datasets) "
                "or --recipe"
            )
        recipe = sets[0].record.recipe
    settings = _given(recipe, overrides)
    fitting = [each for each in sets if each.record.recipe.dimensions == settings.dimensions]
    if not fitting:
        raise RecipeError(
            f"recipe {settings.name} is for {_KINDS[settings.dimensions][0]}, and "
            f"{', '.join(each.name for each in sets)} holds none"
        )
    grains = {each.name: _grain(each.record.recipe) for each in fitting}
    if len(set(grains.values())) > 1 and not mixed:
        listed = ", ".join(f"{name} ({grain})" for name, grain in grains.items())
        raise RecipeError(
            f"the data sets are of several {'spacings' if settings.dimensions == 3 else 'sizes'}, and a network would "
            f"see one tissue at several scales: {listed}. Choose with --dataset (in Python: datasets), or ingest "
            "them alike; --mixed (mixed=True) takes them together all the same"
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
