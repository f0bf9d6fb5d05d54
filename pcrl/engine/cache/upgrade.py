"""What later versions keep of a case or an image, made from what is in the cache; sources are not read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pcrl.engine.cache.changes import changing
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.commit import is_part_of
from pcrl.engine.cache.digests import forget_digests, write_digests
from pcrl.engine.cache.images.dataset import (
    IMAGE_SET_RECORD,
    CachedImages,
    ShardRecord,
    record_path,
    shard_records,
)
from pcrl.engine.cache.images.reader import ImageReader
from pcrl.engine.cache.images.thumbnails import (
    Thumbnails,
    old_thumbnails,
    thumbnail_faults,
    write_thumbnails,
)
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.engine.cache.volumes.records import DATASET_RECORD, THUMBNAILS
from pcrl.engine.fingerprints.thumbnail import EDGES, thumbnail
from pcrl.files import new_file, save_record


def outdated_cases(dataset: CachedDataset) -> list[CachedCase]:
    """The cases of a data set that have no thumbnails."""
    return [case for case in dataset.cases if not is_part_of(case.folder, THUMBNAILS)]


def upgrade_case(case: CachedCase) -> None:
    """Make the thumbnails of a case. The caller holds the data set's lock.

    Raises:
        pcrl.engine.cache.format.CacheError: its voxels are damaged.
    """
    forget_digests(case.folder.parent.parent)
    shown = np.stack([thumbnail(channel) for channel in case.voxels.read()])
    with (
        changing(case.folder, [THUMBNAILS]),
        new_file(case.folder / THUMBNAILS) as partial,
        partial.open("wb") as file,
    ):
        np.save(file, shown)


def outdated_shards(images: CachedImages) -> list[int]:
    """Numbers of the shards of images whose thumbnails are missing or damaged, some of them or all."""
    return [
        number
        for number, record in enumerate(shard_records(images.folder))
        if not record.thumbnails
        or thumbnail_faults(images.folder, number, record)
        or _lacking(record, old_thumbnails(images.folder, number, len(record.images)))
    ]


def upgrade_shards(images: CachedImages, numbers: list[int]) -> Iterator[int]:
    """Make the thumbnails of shards; yields each when it is done. The caller holds the data set's lock.

    Raises:
        pcrl.engine.cache.format.CacheError: an image is damaged; those before it are done.
    """
    data, scratch = images.record.recipe.data, Scratch()
    forget_digests(images.folder)
    reader, records = ImageReader(images.files, data), shard_records(images.folder)
    for number in numbers:
        record = records[number]
        shown = np.zeros((len(record.images), EDGES[2], EDGES[2]), np.uint8)
        for place, image in enumerate(record.images):
            if not image.error:
                height, width = image.shape
                pixels = reader.read(number * record.settings.shard + place, scratch)[:height, :width]
                shown[place] = thumbnail(pixels)
        digest = write_thumbnails(images.folder, number, shown)
        save_record(record.model_copy(update={"thumbnails": digest}), record_path(images.folder, number))
        yield number


def _lacking(record: ShardRecord, shown: Thumbnails) -> bool:
    return any(not image.error and not shown[place].any() for place, image in enumerate(record.images))


def complete(opened: CachedDataset | CachedImages) -> None:
    """Write `files.json` of a data set, and in its record that it has one. The caller holds the data set's lock."""
    forget_digests(opened.folder)
    if not opened.record.digests:
        now: dict[str, object] = {"digests": True}
        if isinstance(opened, CachedDataset):
            now["tables"] = tuple(opened.tables)
        name = IMAGE_SET_RECORD if isinstance(opened, CachedImages) else DATASET_RECORD
        save_record(opened.record.model_copy(update=now), opened.folder / name)
    write_digests(opened.folder)
