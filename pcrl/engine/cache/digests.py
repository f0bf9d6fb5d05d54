"""Size and SHA-256 of those files of a data set that no other record names: its records, tables and metadata.

`commit.json` of a case names the files of the case, `shards/NNNNNN.json` its shard of images. `files.json` of the data
set names these records and what lies beside them, so that from it every byte of the data set can be checked. It is
written at the end of an ingest and is not there while one is under way: what it says is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcrl.engine.cache.commit import COMMIT, FileRecord, fault_of, record_of
from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.files import Record, save_record

DIGESTS = "files.json"
_NAMED = ("*", "tables/*", f"cases/*/{COMMIT}", "shards/*.json", "images.zarr/zarr.json")
"""Patterns of files below the folder of a data set."""


class DatasetFiles(Record):
    """Path below the folder of the data set → its size and digest."""

    format: int
    files: dict[str, FileRecord]


def write_digests(folder: Path) -> None:
    """Write `files.json` of the data set in `folder`, which is complete. The caller holds its lock."""
    files = {str(path.relative_to(folder)): record_of(path) for path in _files(folder)}
    save_record(DatasetFiles(format=FORMAT, files=files), folder / DIGESTS)


def forget_digests(folder: Path) -> None:
    """Take `files.json` away before anything of the data set changes. The caller holds its lock."""
    (folder / DIGESTS).unlink(missing_ok=True)


def changed_files(folder: Path) -> list[str]:
    """What of a data set's own files is not as it was written: one line a file. Nothing of its cases and shards.

    Empty where there is no `files.json`: of an earlier version, or of an ingest that has not ended.
    """
    if not (folder / DIGESTS).is_file():
        return []
    try:
        record = read_record(DatasetFiles, folder / DIGESTS)
    except CacheError as error:
        return [str(error)]
    own = {name: file for name, file in sorted(record.files.items()) if not name.startswith("cases/")}
    faults = ((name, fault_of(folder / name, expected)) for name, expected in own.items())
    return [f"{name}: {fault}" for name, fault in faults if fault]


def _files(folder: Path) -> Iterator[Path]:
    for pattern in _NAMED:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not path.name.startswith(".") and path.name != DIGESTS:
                yield path
