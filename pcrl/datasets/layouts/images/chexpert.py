"""CheXpert: 224,316 chest radiographs of 65,240 patients, with 14 observations read from reports by a labeller.

Its own `valid` (and `test`, if present) is the test set here; validation patients come out of `train`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pcrl.datasets.about import AboutReader, View
from pcrl.datasets.case import LayoutError, Split
from pcrl.datasets.image import LABEL_VALUES, ImageDataset, Radiograph, is_synthetic
from pcrl.datasets.rows import columns, rows
from pcrl.datasets.tree import check_folder, natural, wrong
from pcrl.datasets.unique import once

EXPECTED = """\
  train.csv, valid.csv                                     (and test.csv, if you have it)
  train/patient00001/study1/view1_frontal.jpg, …
  valid/patient64541/study1/view1_frontal.jpg, …
or all of that in CheXpert-v1.0/ or CheXpert-v1.0-small/, or the folders as they are handed out:
  CheXpert-v1.0 batch 1 (validate & csv)/train.csv, valid.csv, valid/patient64541/…
  CheXpert-v1.0 batch 2 (train 1)/patient00001/study1/view1_frontal.jpg, …
  CheXpert-v1.0 batch 3 (train 2)/…
  CheXpert-v1.0 batch 4 (train 3)/…"""
OBSERVATIONS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation",
    "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
)  # fmt: skip
COMPETITION = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five that the CheXpert competition scores."""
TABLES: tuple[tuple[str, Split | None], ...] = (
    ("train.csv", None), ("valid.csv", "test"), ("test.csv", "test"), ("test_labels.csv", "test"),
)  # fmt: skip
_FOLDER = re.compile(r"(?i)chexpert.*")
_PATIENT = re.compile(r"patient\d+")
_MAIN_TABLES = ("train.csv", "valid.csv")
_PARTS = ("train", "valid", "test")
_VIEWS: dict[str, View] = {view.lower(): view for view in get_args(View)}


def find(source: Path) -> ImageDataset:
    """All rows of the tables below `source`; whatever their `Path` begins with, images are looked for where they are.

    Raises:
        LayoutError: no table there, several copies of the data set, a missing column, an unknown value; names the line.
    """
    check_folder(source, "chexpert", EXPECTED)
    folder = _table_folder(source)
    if folder is None:
        raise wrong(source, "chexpert", EXPECTED)
    places = _PatientFolders(source, folder)
    synthetic = is_synthetic(source, folder)
    present = [(folder / name, split) for name, split in TABLES if (folder / name).is_file()]
    about = AboutReader()
    images, notes = once(
        image for table, split in present for image in _read(table, split, places, synthetic, about)
    )
    notes += about.notes(folder)
    has_test = any(split == "test" for _, split in present)
    if not has_test:
        notes.append(
            f"{folder} has neither valid.csv nor test.csv: 20 % of the patients are the test set, not the "
            "published one"
        )
    if not (folder / "train.csv").is_file():
        notes.append(f"{folder} has no train.csv: there is nothing to train on")
    notes.extend(places.notes())
    shares = (0.05, 0.0) if has_test else (0.1, 0.2)
    return ImageDataset("chexpert", source, OBSERVATIONS, images, shares, tuple(notes))


def _read(
    table: Path, split: Split | None, places: _PatientFolders, synthetic: bool, about: AboutReader
) -> Iterator[Radiograph]:
    has_view = "Frontal/Lateral" in columns(table)
    required = ("Path", *OBSERVATIONS) if split else ("Path", "Frontal/Lateral", *OBSERVATIONS)
    for line, row in rows(table, required):
        where = f"{table}, line {line}"
        part, patient, study, file = _parts(row["Path"], where)
        stated = row["Frontal/Lateral"].lower() if has_view else ""
        if stated not in _VIEWS:
            raise LayoutError(f"{where}: Frontal/Lateral is {stated!r}, expected Frontal or Lateral")
        view = _VIEWS[stated] or next((v for v in get_args(View) if v and v in file), "")
        name = f"{part}/{patient}/{study}/{file}".rpartition(".")[0]
        yield Radiograph(
            name, places.path(part, patient, study, file), patient, f"{patient}/{study}", view, split,
            tuple(_label(row[observation], observation, where) for observation in OBSERVATIONS), synthetic,
            about.read(row.get("Age", ""), row.get("Sex", ""), row.get("AP/PA", "") if view != "lateral" else ""),
        )  # fmt: skip


def _parts(path: str, where: str) -> tuple[str, str, str, str]:
    """`train`, `valid` or `test`, patient, study and file, whatever stands before."""
    parts = tuple(path.replace("\\", "/").split("/")[-4:])
    if len(parts) < 4 or parts[0] not in ("train", "valid", "test") or "." not in parts[3] or not all(parts):
        raise LayoutError(
            f"{where}: Path is {path!r}, expected …/train/PATIENT/STUDY/FILE (or valid, or test), such as "
            "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg"
        )
    return parts[0], parts[1], parts[2], parts[3]


def _label(text: str, observation: str, where: str) -> int | None:
    try:
        return LABEL_VALUES[text]
    except KeyError:
        raise LayoutError(f"{where}: {observation} is {text!r}, expected 1, 0, -1 or nothing") from None


def _table_folder(source: Path) -> Path | None:
    """The folder with the tables: `source`, or one called CheXpert… in it, or one called so in that; or none.

    Raises:
        LayoutError: several have tables.
    """
    found = [folder for folder in _folders(source) if any((folder / name).is_file() for name in _MAIN_TABLES)]
    if len(found) > 1 and found[0] != source:
        raise LayoutError(
            f"{source} holds CheXpert more than once: {', '.join(p.name for p in found)}; give one with --source"
        )
    return found[0] if found else None


class _PatientFolders:
    """Finds a patient's folder. Each folder above patients is listed once; single images are not looked for.

    Args:
        source: of the data set; what is found is relative to it.
        tables: the folder with the tables; images lie in or beside it.
    """

    def __init__(self, source: Path, tables: Path) -> None:
        self._tables = tables.relative_to(source)
        self._found: dict[tuple[str, str], str] = {}
        self._missing: dict[tuple[str, str], None] = {}
        for folder in dict.fromkeys((tables, *_folders(source))):
            for part in _PARTS:
                self._index(source, folder / part, part)
            # Batches hold patients without a folder train above them.
            self._index(source, folder, "train")

    def path(self, part: str, patient: str, study: str, file: str) -> str:
        """Of an image, relative to the source; where it would be beside the tables if its patient is nowhere."""
        found = self._found.get((part, patient))
        if found is None:
            self._missing[part, patient] = None
            found = (self._tables / part / patient).as_posix()
        return f"{found}/{study}/{file}"

    def notes(self) -> list[str]:
        """What a user should be told about patients whose folder was not found."""
        if not self._missing:
            return []
        first = "/".join(next(iter(self._missing)))
        return [f"{len(self._missing)} patients of the tables have no folder, the first is {first}"]

    def _index(self, source: Path, folder: Path, part: str) -> None:
        if not folder.is_dir():
            return
        prefix = folder.relative_to(source).as_posix()
        with os.scandir(folder) as entries:
            for entry in entries:
                if _PATIENT.fullmatch(entry.name):
                    path = entry.name if prefix == "." else f"{prefix}/{entry.name}"
                    self._found.setdefault((part, entry.name), path)


def _folders(source: Path) -> list[Path]:
    below = _called_so(source)
    return [source, *below, *(inner for folder in below for inner in _called_so(folder))]


def _called_so(folder: Path) -> list[Path]:
    return sorted(
        (p for p in folder.iterdir() if _FOLDER.fullmatch(p.name) and p.is_dir()),
        key=lambda p: natural(p.name),
    )
