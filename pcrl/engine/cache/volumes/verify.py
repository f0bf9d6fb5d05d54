"""Verification of a cache: every byte against the commit records, every record against its format."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pcrl.engine.cache.commit import damages
from pcrl.engine.cache.digests import forget_digests
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a case: one line a fault, none if it is as it was written."""

    case: CachedCase
    faults: tuple[str, ...]


def verify(dataset: CachedDataset) -> Iterator[Finding]:
    """Check the cases of a data set one after the other; reads every byte of them."""
    for case in dataset.cases:
        faults = damages(case.folder)
        yield Finding(case, tuple(faults or _contradictions(case)))


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
    except CacheError as error:
        return [str(error)]
    return []


def discard(case: CachedCase) -> None:
    """Take a case out of the cache, so that the next ingest makes it anew. The caller holds the data set's lock."""
    forget_digests(case.folder.parent.parent)
    # Renamed first: a kill in between leaves a leftover, not half a case.
    doomed = case.folder.with_name(f".{case.folder.name}.old")
    shutil.rmtree(doomed, ignore_errors=True)
    case.folder.rename(doomed)
    shutil.rmtree(doomed)
