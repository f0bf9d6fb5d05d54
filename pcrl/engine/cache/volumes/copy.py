"""From one format of the cache to the other: compressed frames are carried over as they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pcrl.engine.cache.chunks.frames import frames_of
from pcrl.engine.cache.commit import commit, is_committed
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    DATASET_RECORD,
    LABEL_RECORD,
    OCCUPANCY,
    THUMBNAILS,
    CaseRecord,
    DatasetRecord,
    Storage,
)
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.cache.volumes.tables import bring, outdated
from pcrl.files import new_folder, save_record


def begin_copy(dataset: CachedDataset, root: Path, storage: Storage) -> list[CachedCase]:
    """Write the record and the tables of the copy into the cache at `root`; the caller holds its lock.

    Returns:
        The cases that are still to be copied.

    Raises:
        CacheError: another data set of this name is there.
    """
    folder = root / dataset.name
    record = dataset.record.model_copy(update={"storage": storage})
    if (folder / DATASET_RECORD).exists() and read_record(DatasetRecord, folder / DATASET_RECORD) != record:
        raise CacheError(f"{folder} exists and is not a copy of {dataset.folder}: give another folder")
    (folder / "cases").mkdir(parents=True, exist_ok=True)
    save_record(record, folder / DATASET_RECORD)
    bring(outdated(dataset.tables.values(), folder), folder)
    return [case for case in dataset.cases if not _is_there(case, folder / "cases" / case.name)]


def copy_cases(cases: list[CachedCase], folder: Path, storage: Storage) -> Iterator[CachedCase]:
    """Copy cases into the data set in `folder`, each whole or not at all; yields each when it is there.

    Raises:
        CacheError: a case is damaged; those before it are copied.
    """
    store = store_of(storage)
    for case in cases:
        with new_folder(folder / "cases" / case.name) as partial:
            attributes = case.store.image_attributes(case.folder)
            grid = case.record.grid
            store.write_image(partial, case.name, frames_of(case.voxels.table), grid, attributes)
            names = [CASE_RECORD, OCCUPANCY]
            if case.thumbnails is not None:
                names.append(THUMBNAILS)
            if case.has_label:
                label, original = (frames_of(case.label(original).table) for original in (False, True))
                store.write_labels(partial, label, grid, original, case.label_record.grid)
                names.append(LABEL_RECORD)
            for name in names:
                shutil.copyfile(case.folder / name, partial / name)
            store.check(partial, case.has_label)
            commit(partial)
        yield case


def _is_there(case: CachedCase, copied: Path) -> bool:
    return (
        is_committed(copied)
        and read_record(CaseRecord, copied / CASE_RECORD) == case.record
        and (copied / LABEL_RECORD).exists() == case.has_label
    )
