"""Anyone's own images: a table with a line for each, and a folder that they lie in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pcrl.datasets.case import LayoutError, Split
from pcrl.datasets.image import LABEL_VALUES, ImageDataset, Radiograph, View, is_synthetic
from pcrl.datasets.layouts.images.columns import Columns, recognise
from pcrl.datasets.rows import rows
from pcrl.datasets.tree import check_folder, safe_name
from pcrl.datasets.unique import names, once
from pcrl.listing import few

EXPECTED = "  a folder of images, which the table names by their paths in it"
SHARES = (0.1, 0.2)
_SPLITS: dict[str, Split | None] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "": None,
}  # fmt: skip
_VIEWS: dict[str, View] = {
    "frontal": "frontal", "pa": "frontal", "ap": "frontal", "lateral": "lateral", "ll": "lateral", "lat": "lateral",
    "": "",
}  # fmt: skip


def find(
    table: Path, images: Path, *, patient_column: str | None = None, name: str | None = None
) -> ImageDataset:
    """The images that `table` names, with a label for each column that holds nothing but 1, 0, -1 and blanks.

    Args:
        table: CSV; its columns for image, patient, study, view and split are recognised by their names.
        images: the folder that the paths in the table start from.
        patient_column: by name; none: recognised, and if there is none each image is a patient of its own.
        name: of the data set; none: the table's file name.

    Raises:
        LayoutError: no column for the image or for a label, a value that cannot be meant; names the line.
    """
    check_folder(images, "a folder of images", EXPECTED)
    columns, notes = recognise(table, patient_column)
    unknown = _Unknown()
    listed = list(_read(table, images, columns, unknown))
    by_path = names(dict.fromkeys(path for path, _ in listed))
    synthetic = is_synthetic(images, table.parent)
    found, repeated = once(_radiograph(row, by_path[path], path, columns, synthetic) for path, row in listed)
    if not found:
        raise LayoutError(f"{table} has no line below the names of its columns")
    if columns.patient is None:
        notes.append(f"{table} has no column for the patient: each image counts as a patient of its own")
    if unknown.views:
        notes.append(f"{table}: views that are not understood count as not stated: {few(unknown.views)}")
    return ImageDataset(
        safe_name(name or table.stem).lower(), images, columns.labels, found, SHARES, (*notes, *repeated)
    )


@dataclass(slots=True)
class _Unknown:
    views: dict[str, None] = field(default_factory=dict)


def _read(
    table: Path, images: Path, columns: Columns, unknown: _Unknown
) -> Iterator[tuple[str, dict[str, str]]]:
    """Path in the folder of images, and the checked row."""
    for line, row in rows(table):
        where = f"{table}, line {line}"
        if columns.patient is not None and not row[columns.patient]:
            raise LayoutError(f"{where}: {columns.patient} is empty; expected the patient of the image")
        if columns.split is not None and row[columns.split].lower() not in _SPLITS:
            raise LayoutError(
                f"{where}: {columns.split} is {row[columns.split]!r}, expected train, val, test or nothing"
            )
        if columns.view is not None and row[columns.view].lower() not in _VIEWS:
            unknown.views[row[columns.view]] = None
        yield _path(row[columns.image], images, where, columns.image), row


def _path(text: str, images: Path, where: str, column: str) -> str:
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() and path.is_relative_to(images.resolve().as_posix()):
        path = path.relative_to(images.resolve().as_posix())
    if not text or path.is_absolute() or ".." in path.parts:
        raise LayoutError(f"{where}: {column} is {text!r}, expected the path of an image in {images}")
    return str(path)


def _radiograph(row: dict[str, str], name: str, path: str, columns: Columns, synthetic: bool) -> Radiograph:
    patient = row[columns.patient] if columns.patient is not None else name
    visit = row[columns.study] if columns.study is not None else ""
    return Radiograph(
        name,
        path,
        patient,
        f"{patient}/{visit}" if visit else name,
        _VIEWS.get(row[columns.view].lower(), "") if columns.view is not None else "",
        _SPLITS[row[columns.split].lower()] if columns.split is not None else None,
        tuple(LABEL_VALUES[row[label]] for label in columns.labels),
        synthetic,
    )
