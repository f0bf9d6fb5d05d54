"""The options by which a cache, what of it is taken, and the settings are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

CACHE = click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True, help="Cache folder."
)
DATASETS = click.option(
    "--dataset",
    "names",
    multiple=True,
    help="Only this data set; may be repeated.  [default: all in the cache]",
)


class _Recipe(click.Option):
    """Lists the recipes that there are; reading what they are called costs time that only `--help` needs."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option and its help."""
        from pcrl.recipes import builtin_recipes

        record = super().get_help_record(ctx)
        assert record is not None
        names, about = record
        return names, f"{', '.join(builtin_recipes())}, or a .toml file of your own.  {about}"


def recipe_option(default: str) -> Callable[[Any], Any]:
    """The option `--recipe`; `default` says what it is without."""
    return click.option("--recipe", cls=_Recipe, help=f"[default: {default}]")


RECIPE = recipe_option("the one the cache was made for")


def setting(example: str) -> Callable[[Any], Any]:
    """The option `--set`, as `overrides`."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help=f"Change a setting of the recipe, such as {example}.",
    )
