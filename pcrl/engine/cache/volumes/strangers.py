"""What lies in the folder of a case and is not pcrl's: moved, never deleted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pcrl.engine.cache.changes import MAY_CHANGE, remove_file
from pcrl.engine.cache.commit import CHANGE, COMMIT, read_commit
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.guard.walk import files_in, is_regular, put_aside
from pcrl.engine.cache.volumes.records import CASE_RECORD, LABEL_RECORD, OCCUPANCY, THUMBNAILS, Storage
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.files import is_there

_RECORDS = (COMMIT, CHANGE, CASE_RECORD, LABEL_RECORD, OCCUPANCY, THUMBNAILS)


def put_strangers_aside(folder: Path) -> list[Path]:
    """Before the folder of a case is replaced or removed: what pcrl did not write there goes into `lost+found`.

    pcrl's are the files that the commit record names and, as that may be damaged or missing, those that lie where pcrl
    writes the files of a case. The caller holds the data set's lock.

    Returns:
        What was moved, by its old path.
    """
    dataset = folder.parents[1]
    if folder.is_symlink() or (is_there(folder) and not folder.is_dir()):
        put_aside(folder, dataset)
        return [folder]
    if not folder.is_dir():
        return []
    own = {*_RECORDS, *_files_of("zarr"), *_files_of("hdf5")}
    with suppress(CacheError):
        own |= read_commit(folder).files.keys()
    strangers = [
        folder / name for name, entry in files_in(folder).items() if name not in own or not is_regular(entry)
    ]
    for path in strangers:
        put_aside(path, dataset)
    return strangers


def clear_unnamed(folder: Path) -> None:
    """Remove from a committed case what an earlier version left that was killed at its label or its thumbnails.

    That is what lies where pcrl writes these and the commit record does not name; nothing else.
    """
    with suppress(CacheError):
        named = read_commit(folder).files
        for name, entry in files_in(folder).items():
            if name in MAY_CHANGE and name not in named and is_regular(entry):
                remove_file(folder, name)


def _files_of(storage: Storage) -> tuple[str, ...]:
    store = store_of(storage)
    return (*store.image_files, *store.label_files)
