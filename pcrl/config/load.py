"""Reading recipes: built-in or a TOML file, with single settings overridden."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from pcrl.config.base import RecipeError
from pcrl.config.errors import explained
from pcrl.config.images import ImageModel, ImageRecipe
from pcrl.config.objectives import check_name, renamed
from pcrl.config.volumes import VolumeModel, VolumeRecipe
from pcrl.recipes import builtin_recipes

Recipe = VolumeRecipe | ImageRecipe
Model = VolumeModel | ImageModel
_RECIPE: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="dimensions")])
_MODEL: TypeAdapter[Model] = TypeAdapter(Annotated[Model, Field(discriminator="network")])


def load_recipe(name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe by built-in name or path of a TOML file, with `KEY=VALUE` overrides applied.

    Raises:
        RecipeError: unknown recipe, unreadable TOML, unknown key or a value out of range.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(f"recipe file {path} does not exist")
        try:
            text, stem = path.read_text(encoding="utf-8"), path.stem
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe file {path} cannot be read ({error}): save it as UTF-8") from error
    elif str(name) in builtin_recipes():
        text = (resources.files("pcrl") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
        stem = str(name)
    else:
        raise RecipeError(
            f"no recipe {str(name)!r}: give one of {', '.join(builtin_recipes())}, or the path of a .toml file"
        )
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"recipe {name}: not valid TOML: {error}") from error
    tree.setdefault("name", stem)
    return recipe_from(tree, overrides)


def recipe_from(tree: dict[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Validate a tree of plain values (from TOML or JSON), with `KEY=VALUE` overrides applied."""
    if not isinstance(tree, dict):
        raise RecipeError(f"a recipe is a table of settings, got {tree!r}")
    overrides = (overrides,) if isinstance(overrides, str) else overrides
    if isinstance(overrides, Mapping) or not isinstance(overrides, Iterable):
        raise RecipeError(f'overrides are a list of texts, such as ["training.epochs=10"], not {overrides!r}')
    for override in overrides:
        _apply(tree, override)
    # A recipe is for volumes unless it says something else.
    tree.setdefault("dimensions", 3)
    if isinstance(objective := tree.get("objective"), dict):
        check_name(objective)
    try:
        return _RECIPE.validate_python(tree)
    except ValidationError as error:
        raise RecipeError(explained(error, tree)) from error


def _apply(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=") if isinstance(override, str) else ("", "", "")
    if not separator or not key:
        raise RecipeError(
            f"--set {override}: expected KEY=VALUE, such as training.epochs=10; from Python, overrides are a list of "
            "such texts"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = text
    *parents, leaf = key.strip().split(".")
    node = tree
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise RecipeError(f"--set {override} (in Python: overrides): {parent} is a value, not a section")
    if key.strip() == "objective.name":
        tree["objective"] = renamed(node, str(value))
    else:
        node[leaf] = value


def model_from(tree: dict[str, Any]) -> Model:
    """Validate the settings of a network (from JSON).

    Raises:
        RecipeError: no network of ours.
    """
    try:
        return _MODEL.validate_python(tree)
    except ValidationError as error:
        raise RecipeError(explained(error, tree)) from error
