"""Verification of a data set: every byte of it against a record, and every file against being named by one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pcrl.engine.cache.commit import fault_of
from pcrl.engine.cache.digests import DIGESTS, DatasetFiles, forget_digests, read_digests
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.guard.walk import (
    LOST,
    files_in,
    odd_kind,
    put_aside,
)
from pcrl.engine.cache.images.dataset import (
    IMAGE_SET_RECORD,
    ImageSetRecord,
)
from pcrl.engine.cache.images.table import TABLE, ImageTable, read_table
from pcrl.engine.cache.images.verify import verify_shards
from pcrl.engine.cache.lock import LOCK, WORKERS
from pcrl.engine.cache.verification.finding import Finding
from pcrl.engine.cache.verification.folders import is_of_images
from pcrl.engine.cache.verification.strangers import links, move_aside, named_by_records, shard_of, strangers
from pcrl.engine.cache.volumes.records import CASES, DATASET_RECORD, DatasetRecord
from pcrl.engine.cache.volumes.verify import verify_cases
from pcrl.files import is_there, remove

_NOT_ENDED = (
    "an ingest has not ended, or it was deleted; records and tables cannot be checked until the next ingest ends, or "
    "`pcrl cache upgrade`"
)


def verify_dataset(folder: Path) -> Iterator[Finding]:
    """Check a data set: links, its own records and tables, what is in it by these, and what none of them names."""
    if folder.is_symlink():
        yield Finding("", (f"{odd_kind(folder)}, which pcrl does not follow: take it away",))
        return
    # First, so that what is discarded after them is not behind one.
    linked = set()
    for found in links(folder):
        linked.add(found.name)
        yield found
    images = is_of_images(folder)
    own = IMAGE_SET_RECORD if images else DATASET_RECORD
    digests: DatasetFiles | None = None
    try:
        digests = read_digests(folder)
    except CacheError as error:
        yield Finding(DIGESTS, (str(error),), discard=partial(_remove_own, folder, DIGESTS))
    written, there = digests.files if digests else {}, files_in(folder)
    damaged = set(linked)
    for name, expected in written.items():
        if name not in linked and not name.startswith(f"{CASES}/") and shard_of(name) is None:
            fault = fault_of(folder / name, expected) if name in there else "missing"
            if fault:
                damaged.add(name)
                yield Finding(name, (fault,), discard=partial(_remove_own, folder, name))
    record: ImageSetRecord | DatasetRecord | None = None
    if own not in damaged:
        try:
            path = folder / own
            record = read_record(ImageSetRecord, path) if images else read_record(DatasetRecord, path)
        except CacheError as error:
            # Perhaps it is of another version: it is not deleted.
            yield Finding(own, (str(error),), discard=partial(move_aside, folder / own, folder))
    if record is not None and (said := _of_digests(folder, digests, record)) is not None:
        yield said
    faulty = set()
    if images:
        stack = record if isinstance(record, ImageSetRecord) else None
        table = _table(folder, stack) if stack is not None and TABLE not in damaged else None
        yield from verify_shards(folder, stack.recipe.data if stack else None, table, written, there)
        if table is not None and table.failed:
            yield Finding(TABLE, missing=len(table.failed))
    else:
        volumes = record if isinstance(record, DatasetRecord) else None
        for found in verify_cases(folder, volumes, written):
            faulty |= {found.name} if found.faults else set()
            yield found
    named = set(written) or named_by_records(folder)
    yield from strangers(folder, {*named, own, DIGESTS, LOCK, WORKERS}, faulty)
    if (folder / LOST).is_dir() and (lost := len(list((folder / LOST).iterdir()))):
        yield Finding(LOST, note=f"holds {lost} of what no record named: look at it, and delete it")


def _of_digests(
    folder: Path, digests: DatasetFiles | None, record: ImageSetRecord | DatasetRecord
) -> Finding | None:
    """What is to be said of `files.json` if nothing is wrong with what it says."""
    if digests is not None:
        note = "cannot be checked itself: an earlier version wrote it; `pcrl cache upgrade` writes it anew"
        return None if digests.sha256 else Finding(DIGESTS, note=note)
    if not record.digests:
        note = "an earlier version made this data set without it: records and tables cannot be checked; `pcrl cache "
        return Finding(DIGESTS, note=note + "upgrade` adds it")
    # One that is damaged is named already.
    return None if is_there(folder / DIGESTS) else Finding(DIGESTS, (f"missing: {_NOT_ENDED}",))


def _table(folder: Path, record: ImageSetRecord) -> ImageTable | None:
    try:
        return read_table(folder / TABLE, record.label_names)
    except (CacheError, OSError):
        return None  # Its ingest was stopped; what is damaged is named above.


def _remove_own(folder: Path, name: str) -> None:
    """A record or a table that is damaged; the next ingest writes it anew."""
    forget_digests(folder)
    path = folder / name
    if path.is_symlink():
        put_aside(path, folder)
    elif not any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(folder)):
        remove(path)
