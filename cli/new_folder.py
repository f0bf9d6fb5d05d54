"""Nothing is overwritten: what is written goes to a folder that holds nothing yet."""

from __future__ import annotations

from pathlib import Path

import click


def require_new(folder: Path, begun: str = "") -> None:
    """Refuse a folder that holds something.

    Args:
        begun: name of the file by which it would be known that --resume can go on there.

    Raises:
        click.ClickException: it does.
    """
    if folder.exists() and not folder.is_dir():
        raise click.ClickException(f"{folder} is a file: give a folder as --out")
    if folder.is_dir() and any(folder.iterdir()):
        resumable = bool(begun) and (folder / begun).exists()
        how = "go on with it (--resume), or give another --out" if resumable else "give another --out"
        raise click.ClickException(f"{folder} is not empty: {how}")
