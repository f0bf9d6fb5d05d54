"""Changes of a case that is in the cache: its label comes, changes or goes, and its scan stays.

Before anything else, `change.json` says which files are about to change; then the commit record forgets them, they are
removed and written, and the commit record names them again; last, `change.json` goes. So the commit record never names
what is not there, and what a kill leaves is removed by whoever writes next: a file that `change.json` names and the
commit record does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pcrl.engine.cache.commit import CHANGE, read_commit, record_of, save_commit
from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.engine.cache.guard.names import FilePath
from pcrl.engine.cache.volumes.records import HDF5_LABELS, LABEL_FILES, LABEL_RECORD, THUMBNAILS
from pcrl.files import Record, is_there, remove, save_record, sync

MAY_CHANGE = frozenset((LABEL_RECORD, THUMBNAILS, HDF5_LABELS, *LABEL_FILES))
"""Files of a case that are written or removed without the others; `change.json` has a say in no other."""


class Change(Record):
    """Files of a case that are about to be written or removed."""

    format: int
    files: tuple[FilePath, ...]


@contextmanager
def changing(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Take files out of a committed case, and in again what the block has written of them. The others are not read.

    The caller holds the data set's lock.

    Args:
        names: all that the block may write, as paths below the folder of the case.
    """
    names = sorted(names)
    save_record(Change(format=FORMAT, files=tuple(names)), folder / CHANGE)
    _forget(folder, names)
    try:
        yield
    except BaseException:
        _finish(folder)
        raise
    files = read_commit(folder).files
    written = {name: record_of(folder / name) for name in names if is_there(folder / name)}
    if written:
        save_commit(folder, files | written)
    _end(folder)


def finish_changes(cases: Path) -> None:
    """Bring all cases in a folder to rest that a killed writer was changing. The caller holds the data set's lock."""
    if cases.is_dir() and not cases.is_symlink():
        for folder in sorted(cases.iterdir()):
            if not folder.is_symlink() and (folder / CHANGE).is_file():
                _finish(folder)


def _finish(folder: Path) -> None:
    # A case that cannot be read is left to `verify` and to the next ingest.
    with suppress(CacheError):
        named = read_commit(folder).files
        for name in read_record(Change, folder / CHANGE).files:
            if name in MAY_CHANGE and name not in named and not (folder / name).is_dir():
                remove_file(folder, name)
        _end(folder)


def _forget(folder: Path, names: list[str]) -> None:
    files = read_commit(folder).files
    kept = {name: file for name, file in files.items() if name not in names}
    if len(kept) < len(files):
        save_commit(folder, kept)
    for name in names:
        if name in files or is_there(folder / name):
            remove_file(folder, name)


def remove_file(folder: Path, name: str) -> None:
    """Remove a file of a case if it is there, and the folders on the way to it that are empty without it."""
    ways = [folder / way for way in Path(name).parents][:-1]
    if any(way.is_symlink() for way in ways):
        return
    remove(folder / name)
    for way in ways:
        if way.is_dir() and not any(way.iterdir()):
            remove(way)
    sync(next((way for way in ways if way.is_dir()), folder))


def _end(folder: Path) -> None:
    remove(folder / CHANGE)
    sync(folder)
