"""From one format of the cache to the other: compressed frames are carried over as they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pcrl.engine.cache.changes import changing
from pcrl.engine.cache.chunks.frames import Frames, frames_of
from pcrl.engine.cache.commit import commit
from pcrl.engine.cache.digests import forget_digests, write_digests
from pcrl.engine.cache.format import read_record
from pcrl.engine.cache.volumes.compare import change_of, refuse_another
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    CASES,
    DATASET_RECORD,
    LABEL_RECORD,
    OCCUPANCY,
    THUMBNAILS,
    DatasetRecord,
    Storage,
)
from pcrl.engine.cache.volumes.store import Store
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.cache.volumes.strangers import put_strangers_aside
from pcrl.engine.cache.volumes.tables import bring, outdated
from pcrl.files import new_file, new_folder, save_record


def begin_copy(dataset: CachedDataset, root: Path, storage: Storage) -> list[CachedCase]:
    """Write the record and the tables of the copy into the cache at `root`; the caller holds its lock.

    Returns:
        The cases that are still to be copied, or have changed since they were.

    Raises:
        CacheError: another data set of this name is there.
    """
    folder = root / dataset.name
    old = read_record(DatasetRecord, folder / DATASET_RECORD) if (folder / DATASET_RECORD).exists() else None
    if old is not None:
        refuse_another(dataset, old, folder, storage)
    known = dataset.record.tables if dataset.record.digests else tuple(dataset.tables)
    named = {name: path for name, path in dataset.tables.items() if name in known}
    tables = {*named, *(old.tables if old is not None else ())}
    record = dataset.record.model_copy(
        update={"storage": storage, "digests": True, "tables": tuple(sorted(tables))}
    )
    (folder / CASES).mkdir(parents=True, exist_ok=True)
    forget_digests(folder)
    save_record(record, folder / DATASET_RECORD)
    bring(outdated(named.values(), folder), folder)
    return [case for case in dataset.cases if change_of(case, folder / CASES / case.name, storage)]


def copy_cases(cases: list[CachedCase], folder: Path, storage: Storage) -> Iterator[CachedCase]:
    """Copy cases into the data set in `folder`, each whole or not at all; yields each when it is there.

    Where only its label has come, changed or gone, the scan of a case that is there stays.

    Raises:
        CacheError: a case is damaged; those before it are copied.
    """
    store = store_of(storage)
    for case in cases:
        to = folder / CASES / case.name
        change = change_of(case, to, storage)
        put_strangers_aside(to)
        if change in ("new", "scan"):
            _copy_whole(case, to, store)
        elif change == "label":
            label, original = _labels(case)
            with changing(to, (LABEL_RECORD, *store.label_files)):
                store.write_labels(to, label, case.record.grid, original, case.label_record.grid)
                with new_file(to / LABEL_RECORD) as partial:
                    shutil.copyfile(case.files / LABEL_RECORD, partial)
                store.check(to, labelled=True)
        elif change == "unlabel":
            with changing(to, (LABEL_RECORD, *store.label_files)):
                pass
        yield case
    write_digests(folder)


def _copy_whole(case: CachedCase, to: Path, store: Store) -> None:
    with new_folder(to) as partial:
        attributes, grid = case.store.image_attributes(case.files), case.record.grid
        store.write_image(partial, case.name, frames_of(case.voxels.table), grid, attributes)
        names = [CASE_RECORD, OCCUPANCY]
        if case.thumbnails is not None:
            names.append(THUMBNAILS)
        if case.has_label:
            label, original = _labels(case)
            store.write_labels(partial, label, grid, original, case.label_record.grid)
            names.append(LABEL_RECORD)
        for name in names:
            shutil.copyfile(case.files / name, partial / name)
        store.check(partial, case.has_label)
        commit(partial)


def _labels(case: CachedCase) -> tuple[Frames, Frames]:
    return frames_of(case.label().table), frames_of(case.label(original=True).table)
