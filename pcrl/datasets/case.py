"""What a data set is to the rest of pcrl: cases, and where their files are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pcrl.config import Modality, TissueRule

if TYPE_CHECKING:
    from pcrl.datasets.dicom.stacks import Stack

Split = Literal["train", "val", "test"]


class LayoutError(ValueError):
    """A folder that is not laid out as expected; the message shows what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder that could not be looked into: its path below the source, and the reason, which names it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """One scan, before anything of it was read.

    Args:
        name: unique in the data set, safe as a file name.
        patient: the person it was taken of; everything derived from a scan keeps its patient.
        channels: one file (or DICOM series folder) a channel.
        label: a segmentation, or none.
        split: set by the data set's own protocol; none: a seeded hash of the patient decides.
        fold: the data set's own fold, if it has any.
        modality: known from the data set; none: read from DICOM or guessed from the values.
        virtual: generated, owes nothing to a scan, is never counted as a real patient.
        stack: the DICOM slices that the one channel is made of; none: all that its file or folder holds.
        source_name: what its files call it, where that cannot be its name; else empty.
        stratum: the group whose share every side of the split gets, such as the grade of a tumour; empty if not known.
    """

    name: str
    patient: str
    channels: tuple[Path, ...]
    label: Path | None = None
    split: Split | None = None
    fold: int | None = None
    modality: Modality | None = None
    virtual: bool = False
    stack: Stack | None = None
    source_name: str = ""
    stratum: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All cases of a published layout, found under `source`.

    Args:
        label_names: value in a segmentation → its name (without 0, the background).
        regions: name → values, where a data set is scored by regions of several values; they may overlap.
        ignored: value of voxels that were not labelled, which count neither in training nor in scores.
        tissue: the rule by which the sampler refuses empty boxes.
        notes: what a user should be told about this tree (files skipped, and why).
        tables: CSV files that belong to the data set as a whole, each of a name of its own; ingest copies them.
        unreadable: files and folders that could not be looked into, and why; ingest counts them as failed.
        secret: digest of the secret by which patients are named; empty if none is.
        strata: what the strata of the cases are, such as `grade`; empty where the layout has none.
    """

    name: str
    source: Path
    cases: tuple[Case, ...]
    label_names: Mapping[int, str] = field(default_factory=dict)
    tissue: TissueRule = "foreground"
    notes: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    secret: str = ""
    regions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ignored: int | None = None
    strata: str = ""
