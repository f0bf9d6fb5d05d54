"""Verification of cases: every byte against their commit records, every record against its format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from pcrl.engine.cache.commit import COMMIT, FileRecord, damages, fault_of
from pcrl.engine.cache.digests import forget_digests
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.guard.walk import is_left, refuse_links_at
from pcrl.engine.cache.verification.finding import Finding
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.cache.volumes.records import CASES, DatasetRecord
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.cache.volumes.strangers import put_strangers_aside
from pcrl.files import is_there, remove, rename, sync


def verify_cases(
    folder: Path, record: DatasetRecord | None, written: Mapping[str, FileRecord]
) -> Iterator[Finding]:
    """Check the cases of the data set in `folder` one after the other; reads every byte of them.

    Args:
        record: of the data set; none if it is damaged, as then all folders are taken for cases.
        written: what `files.json` says of the commit records.
    """
    cases = folder / CASES
    there = {path.name for path in cases.iterdir()} if cases.is_dir() and not cases.is_symlink() else set()
    for name in sorted(there | set(record.cases if record else ())):
        if is_left(name):
            continue
        case, place = cases / name, f"{CASES}/{name}"
        expected = written.get(f"{place}/{COMMIT}")
        if record is not None and name not in record.cases:
            continue  # Its files are named as such that no record names.
        if cases.is_symlink() or not (name in there or expected):
            yield Finding(name, ("was not ingested",), missing=1)
            continue
        faults = [] if expected is None else _faults(case, expected)
        faults = faults or damages(case)
        if not faults and record is not None:
            faults = _contradictions(
                CachedCase(folder.name, name, case, record.cases[name], store_of(record.storage))
            )
        yield Finding(name, tuple(faults), cases=1, discard=partial(discard, case))


def _faults(case: Path, expected: FileRecord) -> list[str]:
    if case.is_symlink():
        return []  # Named as what it is.
    fault = fault_of(case / COMMIT, expected)
    return [f"{COMMIT}: {fault}"] if fault else []


def _contradictions(case: CachedCase) -> list[str]:
    """Files that are as they were written, but do not fit together."""
    try:
        case.store.check(case.folder, case.has_label)
        expected = (len(case.record.intensities), *case.record.grid.shape)
        voxels = case.voxels
        if voxels.shape != expected or voxels.dtype != np.int16:
            return [f"{case.store.image}: {voxels.dtype} {voxels.shape}, the record says int16 {expected}"]
        if case.has_label and case.label().shape != case.record.grid.shape:
            return [f"{case.store.labels}: label {case.label().shape}, its image {case.record.grid.shape}"]
        if case.record.name != case.name:
            return [f"case.json: of the case {case.record.name!r}, in the folder of {case.name!r}"]
    except CacheError as error:
        return [str(error)]
    return []


def discard(folder: Path) -> None:
    """Take the case in `folder` out of the cache, so that the next ingest makes it anew.

    What in it is not pcrl's goes into `lost+found`. The caller holds the data set's lock.
    """
    refuse_links_at(folder.parents[1], CASES)
    forget_digests(folder.parents[1])
    put_strangers_aside(folder)
    if is_there(folder):
        # Renamed first: a kill in between leaves a leftover, not half a case.
        doomed = folder.with_name(f".{folder.name}.partial")
        remove(doomed)
        rename(folder, doomed)
        sync(folder.parent)
        remove(doomed)
