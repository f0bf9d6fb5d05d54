"""Anyone's own images: a table with a line for each, and a folder that they lie in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pcrl.datasets.about import AboutReader, view_of
from pcrl.datasets.case import LayoutError, Split
from pcrl.datasets.image import LABEL_VALUES, ImageDataset, Radiograph, is_synthetic
from pcrl.datasets.layouts.images.classes import classes_in
from pcrl.datasets.layouts.images.columns import Columns, recognise
from pcrl.datasets.layouts.images.finding import ImageFinder
from pcrl.datasets.names import safe_name
from pcrl.datasets.rows import rows
from pcrl.datasets.tree import check_folder
from pcrl.datasets.unique import names, once
from pcrl.listing import counted, few

EXPECTED = "  a folder of images, which the table names by their paths in it"
SHARES = (0.1, 0.2)
_SPLITS: dict[str, Split | None] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "": None,
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
    finder = ImageFinder(images, columns.image)
    listed = list(_read(table, finder, columns, unknown))
    classes = _classes(listed, columns)
    by_path = names(dict.fromkeys(path for path, _ in listed))
    synthetic = is_synthetic(images, table.parent)
    about = AboutReader()
    found, repeated = once(
        _radiograph(row, by_path[path], path, columns, synthetic, classes.get(path, ()), about)
        for path, row in listed
    )
    notes += about.notes(table)
    if not found:
        raise LayoutError(f"{table} has no line below the names of its columns")
    if columns.patient is None:
        notes.append(f"{table} has no column for the patient: each image counts as a patient of its own")
    if finder.shortened:
        notes.append(
            f"{table}: the paths of {counted(finder.shortened, 'row')} start from a folder that is not here, and are "
            f"taken from {images} on"
        )
    if unknown.views:
        notes.append(f"{table}: views that are not understood count as not stated: {few(unknown.views)}")
    return ImageDataset(
        safe_name(name or table.stem).lower(), images, columns.label_names, found, SHARES, (*notes, *repeated)
    )


@dataclass(slots=True)
class _Unknown:
    views: dict[str, None] = field(default_factory=dict)


def _read(
    table: Path, finder: ImageFinder, columns: Columns, unknown: _Unknown
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
        if columns.view is not None and view_of(row[columns.view]) is None:
            unknown.views[row[columns.view]] = None
        yield finder.find(row[columns.image], where), row


def _classes(listed: Iterable[tuple[str, dict[str, str]]], columns: Columns) -> dict[str, set[str]]:
    """Classes of each image, over all of its rows."""
    found: dict[str, set[str]] = {}
    if columns.classes is not None:
        for path, row in listed:
            found.setdefault(path, set()).update(classes_in(row[columns.classes.column]))
    return found


def _radiograph(
    row: dict[str, str],
    name: str,
    path: str,
    columns: Columns,
    synthetic: bool,
    classes: Collection[str],
    about: AboutReader,
) -> Radiograph:
    patient = row[columns.patient] if columns.patient is not None else name
    cells = [
        row[column] if column is not None else "" for column in (columns.age, columns.sex, columns.projection)
    ]
    visit = row[columns.study] if columns.study is not None else ""
    return Radiograph(
        name,
        path,
        patient,
        f"{patient}/{visit}" if visit else name,
        (view_of(row[columns.view]) or "") if columns.view is not None else "",
        _SPLITS[row[columns.split].lower()] if columns.split is not None else None,
        (
            *(LABEL_VALUES[row[label]] for label in columns.labels),
            *(_has(label, classes) for label in (columns.classes.labels if columns.classes else ())),
        ),
        synthetic,
        about.read(*cells),
    )


def _has(label: str, classes: Collection[str]) -> int | None:
    """Whether an image is of a class; not known if no class is stated."""
    return int(label in classes) if classes else None
