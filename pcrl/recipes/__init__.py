"""The recipes that come with pcrl, a TOML file each. Light to import: the command line names them in its help."""

from __future__ import annotations

from importlib import resources


def builtin_recipes() -> list[str]:
    """Their names."""
    folder = resources.files(__name__)
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))
