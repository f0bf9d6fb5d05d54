"""What is where in a data set of volumes, and the records beside its voxels.

CACHE/DATASET/dataset.json                 settings, splits, label names (`DatasetRecord`)
CACHE/DATASET/tables/NAME.csv              tables of the data set as a whole, as they were published
CACHE/DATASET/cases/CASE/image.ome.zarr    NGFF 0.5: `0` is (channel, z, y, x) int16; labels in `labels/`; or
CACHE/DATASET/cases/CASE/image.h5          the same arrays and attributes as HDF5, and `labels.h5`
CACHE/DATASET/cases/CASE/occupancy.npy     (channel, 2, cells…) float32: foreground, dense tissue
CACHE/DATASET/cases/CASE/thumbnails.npy    (channel, 24, 24, 24) uint8: by which copies of a scan are known
CACHE/DATASET/cases/CASE/case.json         what was read, and how it was stored (`CaseRecord`)
CACHE/DATASET/cases/CASE/label.json        the same of the label, if there is one (`LabelRecord`)
CACHE/DATASET/cases/CASE/commit.json       size and digest of every file above, written last (`Commit`)
CACHE/DATASET/cases/CASE/change.json       while the label or the thumbnails are written or removed (`Change`)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from pcrl.config import Data, Modality, TissueRule, VolumeRecipe
from pcrl.datasets.about import Sex
from pcrl.datasets.case import Split
from pcrl.engine.cache.guard.names import Name
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.strata import in_words, strata_of
from pcrl.files import Record
from pcrl.listing import counted

Storage = Literal["zarr", "hdf5"]
LABEL = "segmentation"
ORIGINAL_LABEL = "segmentation-original"
OCCUPANCY = "occupancy.npy"
THUMBNAILS = "thumbnails.npy"
ZARR_IMAGE, HDF5_LABELS = "image.ome.zarr", "labels.h5"
LABEL_FILES = (
    f"{ZARR_IMAGE}/labels/zarr.json",
    *(
        f"{ZARR_IMAGE}/labels/{name}/{file}"
        for name in (LABEL, ORIGINAL_LABEL)
        for file in ("zarr.json", "0/zarr.json", "0/c/0/0/0")
    ),
)
"""Where the labels of a case lie as OME-Zarr, below the folder of the case."""
CASE_RECORD = "case.json"
LABEL_RECORD = "label.json"
DATASET_RECORD = "dataset.json"
TABLES = "tables"
CASES = "cases"


class SourceFile(Record):
    """A file (or DICOM folder) that a case was read from; `path` is relative to the data set's source."""

    path: str
    size: int
    modified: int
    sha256: str
    content: str = ""
    """The same without the file's name; empty if an earlier version read it."""


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
    name: Name
    modality: Modality
    grid: Grid
    original_grid: Grid
    intensities: tuple[StoredIntensity, ...]
    pixels: str
    """SHA-256 of the stored voxels: equal for the same scan in two data sets."""
    voxels: tuple[str, ...] = ()
    """SHA-256 of each channel as it was read, upright: equal for one scan in two formats, or at two spacings."""
    sources: tuple[SourceFile, ...]
    settings: Data
    forced_modality: Modality | None
    notes: tuple[str, ...]
    age: float | None = None
    """Years; none if no DICOM header states it."""
    sex: Sex = ""


class LabelRecord(Record):
    """The label of a case, on the cache's grid and on its own."""

    source: SourceFile
    grid: Grid
    values: tuple[int, ...]
    """Values that occur, 0 included."""
    notes: tuple[str, ...]


class CaseEntry(Record):
    """What the data set says of a case."""

    patient: str
    split: Split
    fold: int | None
    virtual: bool
    stratum: str = ""
    """The group whose share every side of the split has; empty if it is not known."""


def patients_in_words(entries: Iterable[CaseEntry]) -> str:
    """How many patients these cases are of, such as `3 patients and 8 virtual ones`, and of which strata, if known."""
    listed = list(entries)
    is_virtual = {entry.patient: entry.virtual for entry in listed}
    virtual = sum(is_virtual.values())
    real = len(is_virtual) - virtual
    strata = f" ({words})" if (words := in_words(strata_of(listed))) else ""
    if virtual and not real:
        return counted(virtual, "virtual patient") + strata
    return counted(real, "patient") + (f" and {counted(virtual, 'virtual one')}" if virtual else "") + strata


class DatasetRecord(Record):
    """A data set in the cache. The split belongs to the data: fixed here, by patient."""

    format: int
    name: Name
    recipe: VolumeRecipe
    tissue: TissueRule
    split_seed: int
    storage: Storage = "zarr"
    label_names: dict[int, str]
    cases: dict[Name, CaseEntry]
    secret: str = ""
    """Digest of the secret with which DICOM patient IDs became names of patients; empty if none did."""
    roots: dict[str, tuple[Name, ...]] = Field(default_factory=dict)
    """Folder of files → names of the cases that were read from below it."""
    regions: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    """Name → label values, where the data set is scored by regions of several values."""
    ignored: int | None = None
    """Label value of voxels that count neither in training nor in scores."""
    digests: bool = False
    """Whether every ingest ends with `files.json`; those of earlier versions did not."""
    tables: tuple[Name, ...] = ()
    """What lies in `tables/`, where `digests` is true: all that an ingest has ever brought."""
    strata: str = ""
    """What the strata of the cases are, such as `grade`; empty where the layout has none."""
