"""What a data set of radiographs is to the rest of pcrl: images, their patients, and labels for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pcrl.datasets.about import UNSTATED, About, View
from pcrl.datasets.case import Split, Unreadable

LABEL_VALUES: Mapping[str, int | None] = MappingProxyType(
    {"1": 1, "1.0": 1, "0": 0, "0.0": 0, "-1": -1, "-1.0": -1, "": None}
)
"""Text of a label in a table → its value."""
SYNTHETIC = "SYNTHETIC.txt"
"""A file of this name in a source folder says that no image there was taken of a patient."""


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One image, before anything of it was read; whether its file is there is for ingest to find out.

    Args:
        name: unique in the data set.
        path: of the file, relative to the data set's source, with forward slashes.
        patient: who it was taken of.
        study: the visit it was taken at; no two patients share one.
        view: empty if not stated.
        split: set by the data set's own protocol; none: a seeded hash of the patient decides.
        labels: one for each of the data set's `label_names`: 1 positive, 0 negative, -1 uncertain, none not mentioned.
        virtual: generated, is never counted as an image of a real patient.
        about: age, sex and projection, where the table or the header states them.
    """

    name: str
    path: str
    patient: str
    study: str
    view: View
    split: Split | None
    labels: tuple[int | None, ...]
    virtual: bool = False
    about: About = UNSTATED


@dataclass(frozen=True, slots=True)
class ImageDataset:
    """All images of a published layout, found under `source`.

    Args:
        shares: validation and test share of the patients for which the data set states no split.
        notes: what a user should be told about this tree and its tables.
        unreadable: files and folders that could not be looked into, and why; ingest counts them as failed.
        secret: digest of the secret by which patients are named; empty if none is.
    """

    name: str
    source: Path
    label_names: tuple[str, ...]
    images: tuple[Radiograph, ...]
    shares: tuple[float, float]
    notes: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    secret: str = ""


def is_synthetic(*folders: Path) -> bool:
    """Whether one of the folders is marked as holding no patient's images."""
    return any((folder / SYNTHETIC).is_file() for folder in folders)
