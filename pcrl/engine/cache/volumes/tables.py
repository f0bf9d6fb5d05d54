"""Tables that belong to a data set as a whole, such as LUNA16's candidates: copied byte for byte into `tables/`."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterable
from pathlib import Path

from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.guard.walk import refuse_links_at
from pcrl.engine.cache.volumes.records import TABLES
from pcrl.files import new_file


def tables_of(folder: Path) -> dict[str, Path]:
    """The tables of the data set in `folder`, by name.

    Raises:
        CacheError: one is a link.
    """
    found = sorted((folder / TABLES).glob("[!.]*"))
    refuse_links_at(folder / TABLES, *(path.name for path in found))
    return {path.name: path for path in found}


def outdated(tables: Iterable[Path], folder: Path) -> tuple[Path, ...]:
    """Those tables that the data set in `folder` does not hold, or holds with other bytes.

    Raises:
        CacheError: a table cannot be read.
    """
    try:
        return tuple(table for table in tables if not _same(table, folder / TABLES / table.name))
    except OSError as error:
        raise CacheError(f"a table cannot be read: {error}") from error


def bring(tables: Iterable[Path], folder: Path) -> None:
    """Copy tables into the data set in `folder`, each in one step; what is there under its name is replaced.

    The caller holds the data set's lock. Tables that are there and not named stay, as cases do.

    Raises:
        CacheError: a table cannot be read or written.
    """
    to = folder / TABLES
    for table in tables:
        to.mkdir(exist_ok=True)
        try:
            with new_file(to / table.name) as partial:
                shutil.copyfile(table, partial)
        except OSError as error:
            raise CacheError(f"{table} cannot be copied to {to}: {error}") from error


def _same(table: Path, copied: Path) -> bool:
    return copied.is_file() and filecmp.cmp(table, copied, shallow=False)
