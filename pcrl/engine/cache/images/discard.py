"""Taking shards of images out of the cache, so that the next ingest makes them anew; the caller holds the lock."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pcrl.config import ImageData
from pcrl.engine.cache.digests import forget_digests
from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.engine.cache.guard.walk import refuse_links_at
from pcrl.engine.cache.images.dataset import (
    DISCARDED,
    SHARDS,
    ImageFile,
    ShardRecord,
    record_path,
    stack_path,
)
from pcrl.engine.cache.images.table import ImageTable
from pcrl.engine.cache.images.thumbnails import thumbnails_path
from pcrl.files import remove, save_record


def discard_shard(folder: Path, number: int, data: ImageData, table: ImageTable | None) -> None:
    """Take the shard with this number out.

    The names of its images stay in its record, and so the images keep their places. The table knows them, or else the
    record; where neither can be read, all shards from this one on go, and places are given anew.

    Args:
        data: settings of the shard.
        table: of the data set, if it is as it was written.
    """
    _refuse_links(folder, number)
    forget_digests(folder)
    names = () if table is None else table.names_in(number * data.shard, data.shard)
    with suppress(CacheError):
        names = names or tuple(
            image.name for image in read_record(ShardRecord, record_path(folder, number)).images
        )
    if not names:
        discard_shards(folder, number)
        return
    anew = tuple(ImageFile(name=name, path="", size=0, modified=DISCARDED) for name in names)
    record = ShardRecord(format=FORMAT, settings=data, size=0, sha256="", images=anew)
    # First: a record of a shard that is not there would be a damaged one.
    save_record(record, record_path(folder, number))
    remove(thumbnails_path(folder, number))
    remove(stack_path(folder, number))


def discard_shards(folder: Path, first: int) -> None:
    """Take out all shards from one on, the last one first, so that a kill leaves none behind a gap."""
    numbers = [int(path.stem) for path in (folder / SHARDS).glob("[0-9]*.*") if path.stem.isdecimal()]
    for number in sorted({number for number in numbers if number >= first}, reverse=True):
        _refuse_links(folder, number)
        remove(record_path(folder, number))
        remove(thumbnails_path(folder, number))
        remove(stack_path(folder, number))


def _refuse_links(folder: Path, number: int) -> None:
    ways = (folder / SHARDS, *stack_path(folder, number).parents)
    refuse_links_at(folder, *(str(way.relative_to(folder)) for way in ways if way.is_relative_to(folder)))
