"""Verification of a data set of radiographs: every byte of its shards against their records."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from pcrl.config import ImageData
from pcrl.engine.cache.chunks.frames import frame_in
from pcrl.engine.cache.chunks.shard import read_index
from pcrl.engine.cache.commit import FileRecord, fault_of, size_fault
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.images.dataset import DISCARDED, SHARDS, ShardRecord, stack_path
from pcrl.engine.cache.images.discard import discard_shard, discard_shards
from pcrl.engine.cache.images.table import ImageTable
from pcrl.engine.cache.images.thumbnails import thumbnail_faults
from pcrl.engine.cache.verification.finding import Finding
from pcrl.files import sha256_of


def verify_shards(
    folder: Path,
    data: ImageData | None,
    table: ImageTable | None,
    written: Mapping[str, FileRecord],
    there: Collection[str],
) -> Iterator[Finding]:
    """Check the shards of the data set in `folder` one after the other; reads every byte of them.

    Args:
        data: settings of the data set; none if its record is damaged.
        table: none if it is damaged.
        written: what `files.json` says of the records of shards.
        there: files in the folder that no link leads to.
    """
    present = {place for place in [*there, *written] if re.fullmatch(rf"{SHARDS}/\d{{6,}}\.json", place)}
    for place in sorted(present):
        number, own = int(Path(place).stem), folder / place
        fault = "missing"
        if place in there:
            fault = fault_of(own, written[place]) if place in written else ""
        try:
            record = read_record(ShardRecord, own) if place in there else None
        except CacheError as error:
            record, fault = None, fault or str(error)
        count = 0 if record is None else sum(not image.error for image in record.images)
        settings = data or (record.settings if record else None)
        take_out = partial(_take_out, folder, number, settings, table)
        if fault or record is None:
            yield Finding(place, (fault,), images=count, discard=take_out)
            continue
        path = stack_path(folder, number)
        name = str(path.relative_to(folder))
        faults = _damages(path, record) if name in there or _is_discarded(record) else ["missing"]
        faults += thumbnail_faults(folder, number, record)
        if not faults and table is not None and (here := _named_in(table, number, record)) > count:
            faults = [f"the table names {here} images of it, it holds {count}: run `pcrl ingest` again"]
        yield Finding(name, tuple(faults), images=count, discard=take_out)


def _take_out(folder: Path, number: int, data: ImageData | None, table: ImageTable | None) -> None:
    if data is None:
        discard_shards(folder, number)
    else:
        discard_shard(folder, number, data, table)


def _is_discarded(record: ShardRecord) -> bool:
    return any(image.modified == DISCARDED for image in record.images)


def _named_in(table: ImageTable, number: int, record: ShardRecord) -> int:
    first = number * record.settings.shard
    return int(((table.index >= first) & (table.index < first + record.settings.shard)).sum())


def _damages(path: Path, record: ShardRecord) -> list[str]:
    """Names the images whose bytes are not as they were written, if the shard still has its index."""
    if _is_discarded(record):
        return ["was taken out as it was damaged: the next ingest makes it anew"]
    fault = size_fault(path, record.size)
    if not fault and sha256_of(path) == record.sha256:
        return []
    if path.is_symlink():
        return [fault]
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
    return [f"image {name} is damaged" for name in bad] or [
        fault or "content differs from what was written (SHA-256)"
    ]
