"""A data set of volumes in the cache, and its cases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.case import Split
from pcrl.engine.cache.chunks.frames import StoredArray
from pcrl.engine.cache.chunks.plain import read_plain
from pcrl.engine.cache.commit import Commit, FileRecord, first_fault, is_committed, read_commit
from pcrl.engine.cache.digests import require_own_files
from pcrl.engine.cache.format import CacheError, damage_error, read_record
from pcrl.engine.cache.guard.walk import refuse_links_at
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    CASES,
    DATASET_RECORD,
    LABEL_RECORD,
    OCCUPANCY,
    TABLES,
    THUMBNAILS,
    CaseEntry,
    CaseRecord,
    DatasetRecord,
    LabelRecord,
)
from pcrl.engine.cache.volumes.store import Store
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.cache.volumes.tables import tables_of
from pcrl.files import dumps


@dataclass(frozen=True)
class CachedCase:
    """One case of a cache. Records are read when first asked for.

    Before any array of it is read, all its files are compared with its commit record, once: whether they are there, and
    how large they are. What reads one raises `CacheError` if one is not as it was written.
    """

    dataset: str
    name: str
    folder: Path
    entry: CaseEntry
    store: Store

    @property
    def patient(self) -> str:
        """Whose scan it is."""
        return self.entry.patient

    @property
    def split(self) -> Split:
        """train, val or test."""
        return self.entry.split

    @cached_property
    def commit(self) -> Commit:
        """All files of it, and their digests."""
        return read_commit(self.folder)

    @cached_property
    def files(self) -> Path:
        """Its folder, once all files in it were found to be there, and as large as they were written.

        Raises:
            CacheError: one is missing, of another size, or a link; names it.
        """
        self._require(self.commit.files)
        return self.folder

    def _require(self, files: Mapping[str, FileRecord]) -> None:
        if fault := first_fault(self.folder, files):
            raise damage_error(f"{self.dataset}/{self.name}", fault, self.folder.parents[2])

    def _own(self, name: str) -> Path:
        """One of its files, which is there, whatever has become of the others."""
        if name in self.commit.files:
            self._require({name: self.commit.files[name]})
        return self.folder / name

    @cached_property
    def record(self) -> CaseRecord:
        """What was read, and how it was stored."""
        return read_record(CaseRecord, self._own(CASE_RECORD))

    @property
    def has_label(self) -> bool:
        """Whether there is a segmentation."""
        return LABEL_RECORD in self.commit.files

    @cached_property
    def label_record(self) -> LabelRecord:
        """Where the label came from; `CacheError` if there is none."""
        return read_record(LabelRecord, self._own(LABEL_RECORD))

    @property
    def voxels(self) -> StoredArray:
        """The stored voxels, (channel, z, y, x) int16."""
        return StoredArray(self.store.image_table(self.files))

    def label(self, original: bool = False) -> StoredArray:
        """The segmentation, (z, y, x), on the cache's grid or on its own."""
        return StoredArray(self.store.label_table(self.files, original))

    @property
    def occupancy(self) -> NDArray[np.float32]:
        """Shares of foreground and of dense tissue in each cell: (channel, 2, cells…) float32."""
        values: NDArray[np.float32] = self._array(self.files / OCCUPANCY)
        return values

    @property
    def thumbnails(self) -> NDArray[np.uint8] | None:
        """What each channel looks like, (channel, edge, edge, edge); none if an earlier version stored the case."""
        if THUMBNAILS not in self.commit.files:
            return None
        values: NDArray[np.uint8] = self._array(self._own(THUMBNAILS))
        return values

    def _array(self, path: Path) -> NDArray[Any]:
        try:
            values: NDArray[Any] = read_plain(path)
        except (OSError, ValueError) as error:
            raise CacheError(f"{path} cannot be read ({error}): run `pcrl cache verify`") from error
        return values

    def commit_bytes(self) -> bytes:
        """The commit record: names the content of every file, but the thumbnails, which may be added later."""
        files = {name: file for name, file in self.commit.files.items() if name != THUMBNAILS}
        return dumps(Commit(format=self.commit.format, files=files)).encode()


@dataclass(frozen=True)
class CachedDataset:
    """One data set of a cache: its record, and the cases that are whole."""

    folder: Path
    record: DatasetRecord
    cases: tuple[CachedCase, ...]

    @classmethod
    def open(cls, folder: Path, as_is: bool = False) -> CachedDataset:
        """Open the data set in `folder`; its cases are those whose folders have exactly their names.

        Args:
            as_is: its files are not compared with `files.json`.

        Raises:
            CacheError: its record is missing or damaged; something in it is a link; a file is missing, or of another
                size.
        """
        refuse_links_at(folder, DATASET_RECORD, CASES, TABLES)
        if not as_is:
            require_own_files(folder)
        record, cases = read_record(DatasetRecord, folder / DATASET_RECORD), folder / CASES
        store, there = (
            store_of(record.storage),
            {path.name for path in cases.iterdir()} if cases.is_dir() else (),
        )
        found = tuple(
            CachedCase(folder.name, name, cases / name, entry, store)
            for name, entry in record.cases.items()
            if name in there and is_committed(cases / name)
        )
        return cls(folder, record, found)

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.record.name

    def absent(self) -> dict[str, CaseEntry]:
        """Cases that the data set has, but that are not in the cache: ingest was stopped, or could not read them."""
        there = {case.name for case in self.cases}
        return {name: entry for name, entry in self.record.cases.items() if name not in there}

    @property
    def tables(self) -> dict[str, Path]:
        """Tables that belong to the data set as a whole, as they were published, by name."""
        return tables_of(self.folder)


def identity(cases: list[CachedCase], whole: bool = True) -> str:
    """A digest of the content of these cases: changes when a pixel, a label or a split does.

    Args:
        whole: each has to have all its files.

    Raises:
        CacheError: a file of one is missing, or of another size.
    """
    digest = hashlib.sha256()
    for case in sorted(cases, key=lambda c: (c.dataset, c.name)):
        if whole:
            _ = case.files
        # Without what is not stated, so that caches of versions that did not have it keep their digest.
        entry = case.entry.model_dump_json(exclude_defaults=True)
        digest.update(f"{case.dataset}/{case.name} {entry}\n".encode())
        digest.update(case.commit_bytes())
    return digest.hexdigest()
