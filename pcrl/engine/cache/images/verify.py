"""Verification of a data set of radiographs: every byte of its shards against their records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pcrl.engine.cache.chunks.frames import frame_in
from pcrl.engine.cache.chunks.shard import read_index, shard_path
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import STACK, CachedImages, ShardRecord, record_path, shard_records
from pcrl.engine.cache.images.thumbnails import thumbnail_faults
from pcrl.files import save_record, sha256_of


@dataclass(frozen=True, slots=True)
class ShardFinding:
    """What is wrong with a shard of images: one line a fault, none if it is as it was written.

    Args:
        images: in it.
    """

    path: Path
    images: int
    faults: tuple[str, ...]


def verify_images(images: CachedImages) -> Iterator[ShardFinding]:
    """Check the shards of a data set one after the other; reads every byte of them.

    Raises:
        CacheError: a record or the table cannot be read.
    """
    rows = images.table.index
    for number, record in enumerate(shard_records(images.folder)):
        path = shard_path(images.folder / STACK, (number, 0, 0))
        first = number * record.settings.shard
        here = int(((rows >= first) & (rows < first + record.settings.shard)).sum())
        stored = sum(not image.error for image in record.images)
        faults = _damages(path, record)
        faults += thumbnail_faults(images.folder, number, record)
        if not faults and here > stored:
            faults = [f"the table names {here} images of it, it holds {stored}: run `pcrl ingest` again"]
        yield ShardFinding(path, stored, tuple(faults))


def _damages(path: Path, record: ShardRecord) -> list[str]:
    """Names the images whose bytes are not as they were written, if the shard still has its index."""
    if not path.is_file():
        return ["missing"]
    if path.stat().st_size == record.size and sha256_of(path) == record.sha256:
        return []
    try:
        offsets, sizes = read_index(path, record.settings.shard)
    except CacheError as error:
        return [str(error)]
    content = np.fromfile(path, np.uint8)
    bad = [
        image.name
        for place, image in enumerate(record.images)
        if not image.error and frame_in(content, int(offsets[place]), int(sizes[place])) is None
    ]
    return [f"image {name} is damaged" for name in bad] or ["content differs from what was written (SHA-256)"]


def discard_shard(images: CachedImages, path: Path) -> None:
    """Take a shard out of the cache, so that the next ingest makes it anew. The caller holds the data set's lock."""
    number = int(path.parents[1].name)
    # Its images' names stay in the record, and so their places; without an mtime they are read again.
    record = shard_records(images.folder)[number]
    again = tuple(image.model_copy(update={"modified": -1}) for image in record.images)
    path.unlink(missing_ok=True)
    save_record(record.model_copy(update={"images": again}), record_path(images.folder, number))
