"""A column of class names as labels: one label for each class, over all rows of an image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pcrl.datasets.rows import rows
from pcrl.listing import few

COLUMNS = (
    "label", "labels", "class", "classes", "class name", "label name", "finding", "findings", "finding labels",
    "finding name", "diagnosis", "category", "pathology", "disease", "target",
)  # fmt: skip
"""Names of a column of classes; case, underscores and hyphens do not matter."""
NORMAL = {"normal", "no finding", "no findings", "nofinding", "healthy", "negative", "none", "clear"}
"""Classes that are the absence of the others."""
MOST = 50
"""Classes of a column at most: more would be descriptions."""
_BETWEEN = "|"


@dataclass(frozen=True, slots=True)
class ClassColumn:
    """A column of class names, and the classes that are labels: without those that mean normal, if others are left."""

    column: str
    labels: tuple[str, ...]
    note: str


def class_column(table: Path, candidates: Iterable[str]) -> ClassColumn | None:
    """The first of the columns that is called like one of classes and holds names of a few; none if there is none."""
    called = {name: name.lower().replace("_", " ").replace("-", " ") for name in candidates}
    for column in sorted(
        (n for n, plain in called.items() if plain in COLUMNS), key=lambda n: COLUMNS.index(called[n])
    ):
        classes = {name for _, row in rows(table) for name in classes_in(row[column])}
        if not 2 <= len(classes) <= MOST or any(_is_number(name) for name in classes):
            continue
        others = sorted(name for name in classes if name.lower() not in NORMAL)
        labels = tuple(others or sorted(classes))
        dropped = sorted(classes - set(labels))
        note = f"{table}: column {column} holds classes, each of which is a label: {few(labels, 20)}"
        if dropped:
            note += f"; {', '.join(dropped)} counts as none of them"
        return ClassColumn(column, labels, note)
    return None


def classes_in(cell: str) -> set[str]:
    """Names in a cell; several have `|` between them."""
    return {name.strip() for name in cell.split(_BETWEEN) if name.strip()}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
