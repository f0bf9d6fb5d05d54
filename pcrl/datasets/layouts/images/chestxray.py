"""NIH ChestX-ray14: 112,120 frontal chest radiographs of 30,805 patients, with 14 findings read from reports."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pcrl.datasets.about import AboutReader
from pcrl.datasets.case import LayoutError
from pcrl.datasets.image import ImageDataset, Radiograph, is_synthetic
from pcrl.datasets.rows import rows
from pcrl.datasets.tree import check_folder, natural, wrong
from pcrl.datasets.unique import once
from pcrl.listing import few

EXPECTED = """\
  Data_Entry_2017_v2020.csv                                (or Data_Entry_2017.csv)
  images_001/images/00000001_000.png, …                    (or all images in images/)
  …
  images_012/images/…
  train_val_list.txt, test_list.txt                        (the official split; optional)"""
TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
    "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia",
)  # fmt: skip
TEST_LIST, OTHER_LIST = "test_list.txt", "train_val_list.txt"
_COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "View Position")
_IMAGES = re.compile(r"images(_\d+)?")


def find(source: Path) -> ImageDataset:
    """All rows of the table in `source`; the images of the official test list are the test set.

    Raises:
        LayoutError: no table there, a missing column, an unknown finding or view; names the line.
    """
    check_folder(source, "chestxray", EXPECTED)
    table = next((source / name for name in TABLES if (source / name).is_file()), None)
    if table is None:
        raise wrong(source, "chestxray", EXPECTED)
    test, other = _list(source / TEST_LIST), _list(source / OTHER_LIST)
    about = AboutReader()
    images, notes = once(_read(table, test or frozenset(), _files(source), is_synthetic(source), about))
    notes += about.notes(table)
    notes += _notes(source, {image.path.rpartition("/")[2] for image in images}, test, other)
    shares = (0.1, 0.2) if test is None else (1 / 8, 0.0)
    return ImageDataset("chestxray", source, FINDINGS, images, shares, tuple(notes))


def _read(
    table: Path, test: frozenset[str], files: dict[str, str], synthetic: bool, about: AboutReader
) -> Iterator[Radiograph]:
    for line, row in rows(table, _COLUMNS):
        where = f"{table}, line {line}"
        image, patient = row["Image Index"], row["Patient ID"].zfill(8)
        if not image or not row["Patient ID"]:
            raise LayoutError(
                f"{where}: Image Index is {image!r}, Patient ID {row['Patient ID']!r}; expected both"
            )
        if row["View Position"] not in ("PA", "AP"):
            raise LayoutError(f"{where}: View Position is {row['View Position']!r}, expected PA or AP")
        stated = set(row["Finding Labels"].split("|"))
        unknown = stated - {*FINDINGS, "No Finding"}
        if unknown or ("No Finding" in stated and len(stated) > 1):
            raise LayoutError(
                f"{where}: Finding Labels is {row['Finding Labels']!r}, expected No Finding, or some of "
                f"{', '.join(FINDINGS)}, with | between them"
            )
        yield Radiograph(
            image.rpartition(".")[0] or image, files.get(image, f"images/{image}"), patient,
            f"{patient}/{row['Follow-up #']}", "frontal", "test" if image in test else None,
            tuple(int(finding in stated) for finding in FINDINGS), synthetic,
            about.read(
                row.get("Patient Age", ""),
                row.get("Patient Gender", "") or row.get("Patient Sex", ""),
                row["View Position"],
            ),
        )  # fmt: skip


def _files(source: Path) -> dict[str, str]:
    """File name → path relative to the source. Each folder of images is listed once."""
    found: dict[str, str] = {}
    for name in sorted((p.name for p in source.iterdir() if _IMAGES.fullmatch(p.name)), key=natural):
        for folder in (f"{name}/images", name):
            if (source / folder).is_dir():
                with os.scandir(source / folder) as entries:
                    for entry in entries:
                        found.setdefault(entry.name, f"{folder}/{entry.name}")
    return found


def _list(path: Path) -> frozenset[str] | None:
    return frozenset(path.read_text(encoding="utf-8-sig").split()) if path.is_file() else None


def _notes(
    source: Path, images: set[str], test: frozenset[str] | None, other: frozenset[str] | None
) -> list[str]:
    if test is None:
        return [
            f"{source / TEST_LIST} is missing: 20 % of the patients are the test set, not the official one"
        ]
    notes = []
    if strangers := sorted((test | (other or frozenset())) - images):
        notes.append(f"{len(strangers)} names in the official lists are not in the table: {few(strangers)}")
    if other is not None and (both := sorted(test & other)):
        notes.append(f"{len(both)} images are in both official lists, and count as test: {few(both)}")
    if other is not None and (neither := sorted(images - test - other)):
        notes.append(
            f"{len(neither)} images are in neither official list, and count as training or validation: {few(neither)}"
        )
    return notes
