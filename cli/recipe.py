"""Which recipe a command works with: the one it is given, or the one that the cache was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import console

if TYPE_CHECKING:
    from pcrl.config import Recipe
    from pcrl.engine.cache.cache import CachedDataset


def recipe_for(datasets: list[CachedDataset], recipe: str | None, overrides: tuple[str, ...]) -> Recipe:
    """The recipe by name, or that of the data sets if they agree; `RecipeError` if they do not."""
    from pcrl.config import RecipeError, load_recipe, recipe_from

    made_for = {dataset.record.recipe.name for dataset in datasets}
    if recipe is None and len(made_for) > 1:
        listed = ", ".join(f"{d.name} ({d.record.recipe.name})" for d in datasets)
        raise RecipeError(
            f"the cache was made for several recipes: {listed}; choose with --dataset or --recipe"
        )
    if recipe is None:
        settings = recipe_from(datasets[0].record.recipe.model_dump(mode="json"), overrides)
    else:
        settings = load_recipe(recipe, overrides)
    for dataset in datasets:
        if dataset.record.recipe.data.spacing != settings.data.spacing:
            console.print(
                f"[yellow]note[/] {dataset.name} was ingested at {dataset.record.recipe.data.spacing} mm, recipe "
                f"{settings.name} is meant for {settings.data.spacing} mm"
            )
    return settings
