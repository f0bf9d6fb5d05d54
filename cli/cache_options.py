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
RECIPE = click.option(
    "--recipe", help="Built-in name or a .toml file.  [default: the one the cache was made for]"
)


def setting(example: str) -> Callable[[Any], Any]:
    """The option `--set`, as `overrides`."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help=f"Change a setting of the recipe, such as {example}.",
    )
