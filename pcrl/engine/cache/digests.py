"""Size and SHA-256 of those files of a data set that no other record names: its records, tables and metadata.

`commit.json` of a case names the files of the case, `shards/NNNNNN.json` its shard of images. `files.json` of the data
set names these records and what lies beside them, and has a digest of itself, so that from it every byte of the data
set can be checked. It is written at the end of an ingest and is not there while one is under way: what it says is true.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from pcrl.engine.cache.commit import COMMIT, FileRecord, first_fault, record_of
from pcrl.engine.cache.format import FORMAT, damage_error, read_record
from pcrl.engine.cache.guard.names import FilePath
from pcrl.engine.cache.guard.walk import refuse_links_at
from pcrl.engine.cache.volumes.records import CASES, DATASET_RECORD, TABLES, DatasetRecord
from pcrl.files import Record, dumps, is_there, remove, save_record, sync

DIGESTS = "files.json"
_OF_IMAGES = ("images.json", "table.csv", "images.zarr/zarr.json", "shards/[0-9]*.json")
"""Patterns of files below the folder of a data set of images."""


class DatasetFiles(Record):
    """Path below the folder of the data set → its size and digest."""

    format: int
    files: dict[FilePath, FileRecord]
    sha256: str = ""
    """Of the files above as this record holds them; empty if an earlier version wrote it."""


def write_digests(folder: Path) -> None:
    """Write `files.json` of the data set in `folder`, which is complete. The caller holds its lock."""
    files = {name: record_of(folder / name) for name in sorted(own_files(folder))}
    save_record(DatasetFiles(format=FORMAT, files=files, sha256=_digest_of(files)), folder / DIGESTS)


def forget_digests(folder: Path) -> None:
    """Take `files.json` away before anything of the data set changes. The caller holds its lock."""
    if is_there(folder / DIGESTS):
        remove(folder / DIGESTS)
        sync(folder)


def read_digests(folder: Path) -> DatasetFiles | None:
    """What `files.json` says; none where there is none: of an earlier version, or of an ingest that has not ended.

    Raises:
        CacheError: damaged.
    """
    path = folder / DIGESTS
    if not is_there(path):
        return None
    refuse_links_at(path)
    record = read_record(DatasetFiles, path)
    # Also what JSON does not mind, such as a space that became another one.
    if record.sha256 and (
        record.sha256 != _digest_of(record.files) or path.read_bytes() != dumps(record).encode()
    ):
        raise damage_error(
            folder.name, f"{path} differs from the digest that it has of itself", folder.parent
        )
    return record


def require_own_files(folder: Path) -> None:
    """Compare a data set's records and tables with `files.json`, if there is one: existence and size, no content.

    Raises:
        CacheError: one is missing, or of another size; names it.
    """
    record = read_digests(folder)
    if record is not None and (fault := first_fault(folder, record.files)):
        raise damage_error(folder.name, fault, folder.parent)


def own_files(folder: Path) -> list[str]:
    """Files of a data set that `files.json` is to name, as paths below its folder: those that pcrl wrote, no others.

    Raises:
        CacheError: the record of the data set cannot be read.
    """
    if is_there(folder / DATASET_RECORD):
        record = read_record(DatasetRecord, folder / DATASET_RECORD)
        tables = record.tables if record.digests else [path.name for path in (folder / TABLES).glob("[!.]*")]
        listed = [f"{TABLES}/{name}" for name in tables] + [
            f"{CASES}/{name}/{COMMIT}" for name in record.cases
        ]
        names = [DATASET_RECORD, *listed]
    else:
        names = [
            str(path.relative_to(folder)) for pattern in _OF_IMAGES for path in sorted(folder.glob(pattern))
        ]
    return [name for name in names if (folder / name).is_file() and not (folder / name).is_symlink()]


def _digest_of(files: Mapping[str, FileRecord]) -> str:
    plain = {name: [file.size, file.sha256] for name, file in sorted(files.items())}
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()
