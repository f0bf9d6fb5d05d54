"""A data set of volumes in the cache, and its cases."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.case import Split
from pcrl.engine.cache.chunks.frames import ChunkTable, StoredArray
from pcrl.engine.cache.commit import COMMIT, Commit, is_part_of
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    LABEL_RECORD,
    OCCUPANCY,
    THUMBNAILS,
    CaseEntry,
    CaseRecord,
    DatasetRecord,
    LabelRecord,
)
from pcrl.engine.cache.volumes.store import Store
from pcrl.engine.cache.volumes.tables import tables_of
from pcrl.files import dumps


@dataclass(frozen=True)
class CachedCase:
    """One case of a cache. Records are read when first asked for."""

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
    def record(self) -> CaseRecord:
        """What was read, and how it was stored."""
        return read_record(CaseRecord, self.folder / CASE_RECORD)

    @property
    def has_label(self) -> bool:
        """Whether there is a segmentation."""
        return is_part_of(self.folder, LABEL_RECORD)

    @cached_property
    def label_record(self) -> LabelRecord:
        """Where the label came from; `CacheError` if there is none."""
        return read_record(LabelRecord, self.folder / LABEL_RECORD)

    @property
    def voxels(self) -> StoredArray:
        """The stored voxels, (channel, z, y, x) int16."""
        return StoredArray(self.image_table())

    def image_table(self) -> ChunkTable:
        """Where the chunks of the image are.

        Raises:
            CacheError: they should be in a file that is gone; or the description of the image is damaged.
        """
        return self._there(self.store.image_table(self.folder))

    def _there(self, table: ChunkTable) -> ChunkTable:
        """An array of nothing but its fill value has no file: any other must have it."""
        if not table.file.exists():
            committed = self.folder / COMMIT
            if not committed.exists() or is_part_of(self.folder, str(table.file.relative_to(self.folder))):
                raise CacheError(f"{table.file} is gone: run `pcrl cache verify`, then ingest again")
        return table

    def label(self, original: bool = False) -> StoredArray:
        """The segmentation, (z, y, x), on the cache's grid or on its own."""
        return StoredArray(self._there(self.store.label_table(self.folder, original)))

    @property
    def occupancy(self) -> NDArray[np.float32]:
        """Shares of foreground and of dense tissue in each cell: (channel, 2, cells…) float32."""
        try:
            values: NDArray[np.float32] = np.load(self.folder / OCCUPANCY)
        except (ValueError, EOFError) as error:
            raise CacheError(
                f"{self.folder / OCCUPANCY} is damaged ({error}): run `pcrl cache verify`"
            ) from error
        return values

    @property
    def thumbnails(self) -> NDArray[np.uint8] | None:
        """What each channel looks like, (channel, edge, edge, edge); none if an earlier version stored the case."""
        try:
            values: NDArray[np.uint8] = np.load(self.folder / THUMBNAILS)
        except FileNotFoundError:
            return None
        return values

    def commit_bytes(self) -> bytes:
        """The commit record: names the content of every file, but the thumbnails, which may be added later."""
        record = read_record(Commit, self.folder / COMMIT)
        files = {name: file for name, file in record.files.items() if name != THUMBNAILS}
        return dumps(Commit(format=record.format, files=files)).encode()


@dataclass(frozen=True)
class CachedDataset:
    """One data set of a cache: its record, and the cases that are whole."""

    folder: Path
    record: DatasetRecord
    cases: tuple[CachedCase, ...]

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


def identity(cases: list[CachedCase]) -> str:
    """A digest of the content of these cases: changes when a pixel, a label or a split does."""
    digest = hashlib.sha256()
    for case in sorted(cases, key=lambda c: (c.dataset, c.name)):
        # Without what is not stated, so that caches of versions that did not have it keep their digest.
        entry = case.entry.model_dump_json(exclude_defaults=True)
        digest.update(f"{case.dataset}/{case.name} {entry}\n".encode())
        digest.update(case.commit_bytes())
    return digest.hexdigest()
