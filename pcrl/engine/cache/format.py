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

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pcrl.config import Data, Modality, TissueRule, VolumeRecipe
from pcrl.datasets.case import Split
from pcrl.engine.geometry.grid import Grid

Storage = Literal["zarr", "hdf5"]
FORMAT = 1
LABEL = "segmentation"
ORIGINAL_LABEL = "segmentation-original"
OCCUPANCY = "occupancy.npy"
CASE_RECORD = "case.json"
LABEL_RECORD = "label.json"
DATASET_RECORD = "dataset.json"
TABLES = "tables"


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


class StoredIntensity(Record):
    """How one channel's stored integers become values; see `pcrl.engine.volumes.prepare.Intensity`."""

    scale: float
    offset: float
    slope: float
    intercept: float
    air: int


class CaseRecord(Record):
    """The image of a case: where it came from, its grids, its settings."""

    format: int
    name: str
    modality: Modality
    grid: Grid
    original_grid: Grid
    intensities: tuple[StoredIntensity, ...]
    pixels: str
    """SHA-256 of the stored voxels: equal for the same scan in two data sets."""
    sources: tuple[SourceFile, ...]
    settings: Data
    forced_modality: Modality | None
    notes: tuple[str, ...]


class LabelRecord(Record):
    """The label of a case, on the cache's grid and on its own."""

    source: SourceFile
    grid: Grid
    values: tuple[int, ...]
    """Values that occur, 0 included."""
    notes: tuple[str, ...]


class FileRecord(Record):
    """Size in bytes and SHA-256 of a committed file."""

    size: int
    sha256: str


class Commit(Record):
    """All files of a case but this one. A case without it is not in the cache."""

    format: int
    files: dict[str, FileRecord]


class CaseEntry(Record):
    """What the data set says of a case."""

    patient: str
    split: Split
    fold: int | None
    virtual: bool


def count_patients(entries: Iterable[CaseEntry]) -> str:
    """How many patients these cases are of: `3 real patients, 8 virtual`."""
    virtual = {entry.patient: entry.virtual for entry in entries}
    made = sum(virtual.values())
    real = len(virtual) - made
    return f"{real} real patient{'s' * (real != 1)}" + (f", {made} virtual" if made else "")


class DatasetRecord(Record):
    """A data set in the cache. The split belongs to the data: fixed here, by patient."""

    format: int
    name: str
    recipe: VolumeRecipe
    tissue: TissueRule
    split_seed: int
    storage: Storage = "zarr"
    label_names: dict[int, str]
    cases: dict[str, CaseEntry]


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
