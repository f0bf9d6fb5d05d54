"""A data set of images in the cache: one stack, sharded, with a table beside it.

CACHE/DATASET/images.json            recipe, labels, who split (`ImageSetRecord`)
CACHE/DATASET/images.zarr            Zarr: (image, y, x) uint8 or uint16, an image a chunk, top left in it
CACHE/DATASET/shards/NNNNNN.json     size and digest of a shard, and what is in it (`ShardRecord`); written after it
CACHE/DATASET/shards/NNNNNN.npy      (images in it, 32, 32) uint8: by which copies of an image are known
CACHE/DATASET/table.csv              a row for each image: patient, study, view, split, size, age, sex, labels
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from pcrl.config import ImageData, ImageRecipe
from pcrl.datasets.about import Projection, Sex, View
from pcrl.engine.cache.chunks.shard import shard_path
from pcrl.engine.cache.commit import FileRecord, first_fault
from pcrl.engine.cache.digests import require_own_files
from pcrl.engine.cache.format import CacheError, damage_error, is_regular_or_missing, link_error, read_record
from pcrl.engine.cache.guard.names import Key, Name
from pcrl.engine.cache.guard.walk import refuse_links_at
from pcrl.engine.cache.images.table import TABLE, ImageTable, read_table, without_about
from pcrl.files import Record

IMAGE_SET_RECORD = "images.json"
STACK, METADATA = "images.zarr", "zarr.json"
SHARDS = "shards"
_HEAD = 4096
"""Bytes of a record of a shard in which its size and digest are."""
DISCARDED = -1
"""Time of modification of an image that is to be read anew: its shard was damaged."""


class ImageSetRecord(Record):
    """A data set of images. Splits are in its table; `shares` are those by which patients without one were split.

    `secret` is a digest of the secret with which DICOM patient IDs became names of patients; empty if none did.
    """

    format: int
    name: Name
    recipe: ImageRecipe
    label_names: tuple[str, ...]
    split_seed: int
    shares: tuple[float, float]
    secret: str = ""
    root: str = ""
    """Folder that the images were read from last."""
    digests: bool = False
    """Whether every ingest ends with `files.json`; those of earlier versions did not."""


class ImageFile(Record):
    """One image: the file it was read from, and what became of it.

    Args:
        path: relative to the data set's source.
        size, modified: of the file, bytes and ns; 0 if it was not there.
        shape, original_shape: (y, x) in the cache and in the file; (0, 0) if it could not be read.
        pixels: SHA-256 of the stored pixels: equal for one image in two data sets.
        content: SHA-256 of the file; empty if an earlier version read it.
        source_pixels: SHA-256 of the pixels as read, before they were made smaller: equal for one image in two formats.
        error: why it is not there; empty if it is.
        note: what a user should know about it.
        age, sex, projection, view: as its own header states them, if it is DICOM; see `pcrl.datasets.about.About`.
    """

    name: Key
    path: str
    size: int
    modified: int
    shape: tuple[int, int] = (0, 0)
    original_shape: tuple[int, int] = (0, 0)
    pixels: str = ""
    content: str = ""
    source_pixels: str = ""
    error: str = ""
    note: str = ""
    age: float | None = None
    sex: Sex = ""
    projection: Projection = ""
    view: View = ""


class ShardRecord(Record):
    """A shard that is whole: its file's bytes and SHA-256, and the images in it, in order."""

    format: int
    settings: ImageData
    size: int
    sha256: str
    images: tuple[ImageFile, ...]
    thumbnails: str = ""
    """SHA-256 of the file of thumbnails beside it; empty if an earlier version wrote the shard."""


@dataclass(frozen=True)
class CachedImages:
    """A data set of images in the cache. The table is read when it is first asked for."""

    folder: Path
    record: ImageSetRecord

    @classmethod
    def open(cls, folder: Path, as_is: bool = False) -> CachedImages:
        """Open the data set in `folder`.

        Args:
            as_is: its files are not compared with `files.json`.

        Raises:
            CacheError: its record is missing or damaged; something in it is a link; a file is missing, or of another
                size.
        """
        refuse_links_at(folder, IMAGE_SET_RECORD, TABLE, SHARDS, STACK)
        if not as_is:
            require_own_files(folder)
        return cls(folder, read_record(ImageSetRecord, folder / IMAGE_SET_RECORD))

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.record.name

    @cached_property
    def table(self) -> ImageTable:
        """What is known of each image.

        Raises:
            CacheError: missing or damaged.
        """
        if not (self.folder / TABLE).is_file():
            raise CacheError(
                f"{self.folder / TABLE} is missing: its ingest was stopped; run `pcrl ingest` again"
            )
        return read_table(self.folder / TABLE, self.record.label_names)

    @cached_property
    def files(self) -> Path:
        """Its folder, once all shards were found to be there, and as large as they were written.

        Raises:
            CacheError: one is missing, or of another size; names it.
        """
        for number, stored_file in enumerate(_stored_shards(self.folder)):
            stored = {str(stack_path(Path(), number)): stored_file}
            if fault := first_fault(self.folder, stored):
                raise damage_error(self.name, fault, self.folder.parent)
        return self.folder

    def identity(self) -> str:
        """A digest of the content: changes when an image, a label or a split does; raises `CacheError` as `files`."""
        _ = self.files
        return hashlib.sha256(self.table_bytes()).hexdigest()

    def table_bytes(self) -> bytes:
        """The table without age, sex and projection: names every image, its pixels' digest, its split and its labels.

        Tables of earlier versions have no such columns; a run goes on when they come.
        """
        return without_about(self.folder / TABLE, self.record.label_names)


def edge(data: ImageData) -> int:
    """Edge of a chunk in pixels: room for the longer side of an image."""
    return round(data.size * data.longest)


def dtype_of(data: ImageData) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
    """The type of a stored pixel."""
    return np.dtype(np.uint8) if data.bits == 8 else np.dtype(np.uint16)


def scale_of(data: ImageData) -> float:
    """What a stored pixel is multiplied by to lie in [0, 1]."""
    return 1 / (255 if data.bits == 8 else 65535)


def record_path(folder: Path, shard: int) -> Path:
    """The record of a shard."""
    return folder / SHARDS / f"{shard:06}.json"


def stack_path(folder: Path, shard: int) -> Path:
    """The file of a shard of images."""
    return shard_path(folder / STACK, (shard, 0, 0))


def shard_records(folder: Path) -> list[ShardRecord]:
    """The records of a data set's shards, in order, up to the first that is not there.

    Raises:
        CacheError: one is damaged, or of another format.
    """
    records: list[ShardRecord] = []
    while (path := record_path(folder, len(records))).exists():
        records.append(read_record(ShardRecord, path))
    return records


def _stored_shards(folder: Path) -> Iterator[FileRecord]:
    """Size and digest of each shard, from the heads of their records: all of these take a hundred times longer to read.

    Raises:
        CacheError: as `shard_records`.
    """
    number = 0
    while (path := record_path(folder, number)).exists():
        number += 1
        if not is_regular_or_missing(path):
            raise link_error(path)
        try:
            with path.open("rb") as file:
                head = from_json(file.read(_HEAD), allow_partial=True)
            yield FileRecord(size=head["size"], sha256=head["sha256"])
        except (ValueError, KeyError, TypeError):
            record = read_record(ShardRecord, path)
            yield FileRecord(size=record.size, sha256=record.sha256)


def pixels_of(values: NDArray[np.uint8] | NDArray[np.uint16]) -> str:
    """The digest of an image's pixels and size."""
    digest = hashlib.sha256(f"{values.shape}{values.dtype}".encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
