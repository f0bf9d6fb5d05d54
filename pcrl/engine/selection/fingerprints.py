"""What gives the scans of a cache away, gathered from their records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.images.dataset import CachedImages, shard_records
from pcrl.engine.cache.images.thumbnails import read_thumbnails
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.fingerprints.fingerprints import Collection, Fingerprints


def fingerprints_of_cases(cases: Iterable[CachedCase]) -> Fingerprints:
    """Of volumes.

    Raises:
        pcrl.engine.cache.format.CacheError: a record is damaged.
    """
    collection = Collection()
    for case in cases:
        record, shown = case.record, case.thumbnails
        collection.add(
            f"{case.dataset}/{case.name}",
            case.patient,
            case.entry.virtual,
            (record.pixels, *record.voxels, *(source.content for source in record.sources)),
            () if shown is None else list(shown),
        )
    return collection.fingerprints()


def fingerprints_of_images(images: CachedImages, rows: Sequence[int] | NDArray[np.int64]) -> Fingerprints:
    """Of images.

    Args:
        rows: positions in the table.

    Raises:
        pcrl.engine.cache.format.CacheError: a record is damaged.
    """
    table, collection = images.table, Collection()
    records = shard_records(images.folder)
    size = images.record.recipe.data.shard
    shown = {n: read_thumbnails(images.files, n) for n, record in enumerate(records) if record.thumbnails}
    for row in rows:
        shard, place = divmod(int(table.index[row]), size)
        file = records[shard].images[place]
        look = shown[shard][place] if shard in shown else None
        collection.add(
            f"{images.name}/{table.names[row]}",
            table.patients[row],
            bool(table.virtual[row]),
            (table.pixels[row], file.source_pixels, file.content),
            () if look is None or not look.any() else [look],
        )
    return collection.fingerprints()
