"""All that is in the folder of a data set, without following a link: pcrl makes none, and one may lead anywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pcrl.engine.cache.format import link_error
from pcrl.engine.cache.guard.names import check_name
from pcrl.files import is_there, remove, rename, sync

LOST = "lost+found"
"""Folder of a data set, into which goes what no record names; nothing in it is read."""
_LEFT = re.compile(r"\..+\.(partial|old)", re.DOTALL)
"""Names that pcrl gives to what is not in its place yet, or not any more."""


def is_left(name: str) -> bool:
    """Whether a file or folder of this name is what a writer of pcrl is at, or was when it was killed."""
    return _LEFT.fullmatch(name) is not None


def walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder of the cache but folders, in order of names; a link is given as it is.

    What is in `lost+found`, and in folders that a writer left, is passed over; the latter are given themselves.
    """
    yield from _walk(folder, top=True)


def _walk(folder: Path | str, top: bool) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        inner = sorted(entries, key=lambda entry: entry.name)
    for entry in inner:
        if not entry.is_dir(follow_symlinks=False) or is_left(entry.name):
            yield entry
        elif not (top and entry.name == LOST):
            yield from _walk(entry.path, top=False)


def files_in(folder: Path) -> dict[str, os.DirEntry[str]]:
    """Files and links below a folder by their paths from it; none that a writer left."""
    start = len(str(folder)) + 1
    return {entry.path[start:]: entry for entry in walk(folder) if not is_left(entry.name)}


def is_regular(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, and neither a link nor a device."""
    return entry.is_file(follow_symlinks=False)


def odd_kind(path: Path) -> str:
    """What there is in place of a regular file."""
    return "a symbolic link" if path.is_symlink() else "no regular file"


def refuse_links(folder: Path) -> None:
    """See to it that no write below a data set's folder can end elsewhere.

    Raises:
        CacheError: a link, or something else that is neither file nor folder, is in it.
    """
    for entry in walk(folder):
        if not is_left(entry.name) and not is_regular(entry):
            raise link_error(Path(entry.path))


def refuse_links_at(folder: Path, *names: str) -> None:
    """The same of a few places only, for readers.

    Args:
        names: of what is in the folder, if it is there; the folder itself is looked at, too.

    Raises:
        CacheError: one of them is a link.
    """
    for path in (folder, *(folder / name for name in names)):
        if path.is_symlink():
            raise link_error(path)


def clear_left(folder: Path) -> None:
    """Remove what killed writers of a data set left; what one had taken out of its place to replace it goes back.

    The caller holds the lock of the data set.
    """
    for path in [Path(entry.path) for entry in walk(folder) if is_left(entry.name)]:
        if (place := _place_of(path)) is not None and not is_there(place):
            rename(path, place)
            sync(place.parent)
        else:
            remove(path)


def _place_of(path: Path) -> Path | None:
    """Where a folder was before it was taken out to be replaced; none if it is something else."""
    name = path.name[1:].removesuffix(".old")
    try:
        check_name(name)
    except ValueError:
        return None
    taken_out = path.name.endswith(".old") and path.is_dir() and not path.is_symlink()
    return path.with_name(name) if taken_out else None


def put_aside(path: Path, folder: Path) -> Path:
    """Move what no record of the data set in `folder` names into its `lost+found`: what is not pcrl's is not deleted.

    Returns:
        Where it is now.
    """
    lost = folder / LOST
    inner = path.relative_to(folder).parents
    refuse_links_at(folder, LOST, *map(str, inner))
    lost.mkdir(exist_ok=True)
    # In one folder, as one of those that were put aside may be a link.
    name = str(path.relative_to(folder)).replace("/", "-")
    name = name.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "surrogateescape")
    to, number = lost / name, 1
    while is_there(to):
        number += 1
        to = lost / f"{name}.{number}"
    rename(path, to)
    sync(lost)
    sync(path.parent)
    return to
