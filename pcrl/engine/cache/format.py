"""What is where in a cache, and the records beside the pixels.

CACHE/DATASET/dataset.json                 settings, splits, label names (`DatasetRecord`)
CACHE/DATASET/tables/NAME.csv              tables of the data set as a whole, as they were published
CACHE/DATASET/cases/CASE/image.ome.zarr    NGFF 0.5: `0` is (channel, z, y, x) int16; labels in `labels/`; or
CACHE/DATASET/cases/CASE/image.h5          the same arrays and attributes as HDF5, and `labels.h5`
CACHE/DATASET/cases/CASE/occupancy.npy     (channel, 2, cells…) float32: foreground, dense tissue
CACHE/DATASET/cases/CASE/case.json         what was read, and how it was stored (`CaseRecord`)
CACHE/DATASET/cases/CASE/label.json        the same of the label, if there is one (`LabelRecord`)
CACHE/DATASET/cases/CASE/commit.json       size and digest of every file above, written last (`Commit`)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

FORMAT = 1


class CacheError(RuntimeError):
    """A cache that is missing, damaged, locked or of another version; the message says what to do."""


class Record(BaseModel):
    """Base of the records: immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(Record):
    """A file (or DICOM folder) that a case was read from; `path` is relative to the data set's source."""

    path: str
    size: int
    modified: int
    sha256: str


class FileRecord(Record):
    """Size in bytes and SHA-256 of a committed file."""

    size: int
    sha256: str


class Commit(Record):
    """All files of a case but this one. A case without it is not in the cache."""

    format: int
    files: dict[str, FileRecord]


AnyRecord = TypeVar("AnyRecord", bound=Record)


def dumps(record: Record) -> str:
    """A record as JSON: the same bytes for the same content."""
    return record.model_dump_json(indent=1) + "\n"


def load(kind: type[AnyRecord], path: Path) -> AnyRecord:
    """Read a record.

    Raises:
        CacheError: missing, damaged, or written by another version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CacheError(f"{path} is missing") from error
    try:
        record = kind.model_validate_json(text)
        stated = getattr(record, "format", FORMAT)
        if stated != FORMAT:
            raise CacheError(
                f"{path} is of format {stated}, this version of pcrl reads {FORMAT}; ingest it again"
            )
        return record
    except ValidationError as error:
        first: Any = error.errors()[0]
        raise CacheError(
            f"{path} cannot be used ({'.'.join(map(str, first['loc']))}: {first['msg']}): it is damaged or was "
            f"written by another version of pcrl (this one reads format {FORMAT}); ingest it again"
        ) from error
