"""The table beside a stack of images: CSV, so that any program opens it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.case import Split
from pcrl.engine.cache.format import CacheError, is_regular_or_missing, link_error
from pcrl.engine.cache.guard.names import check_key
from pcrl.files import write_csv

TABLE = "table.csv"
NOT_MENTIONED = -2
"""Label of which nothing is said; an empty cell in the table."""
COLUMNS = (
    "index", "name", "path", "patient", "study", "view", "split", "virtual", "height", "width", "original_height",
    "original_width", "pixels", "error",
)  # fmt: skip
"""Of every table; then, but in those of earlier versions, `ABOUT`, and one column for each label."""
ABOUT = ("patient_age", "patient_sex", "projection")
"""See `pcrl.datasets.about.About`; empty cells where nothing is stated."""


@dataclass(frozen=True)
class ImageTable:
    """The images that are there, column by column, n of them.

    Args:
        index: (n,) place in the stack.
        patients, studies, views, splits: view is frontal, lateral or empty; split is train, val or test.
        shapes: (n, 2) height and width in the cache.
        pixels: digest of each image's pixels.
        labels: (n, labels) int8: 1 positive, 0 negative, −1 uncertain, −2 not mentioned.
        label_names: of the columns of `labels`.
        failed: name and reason of each image that is not there.
        ages: (n,) years, NaN where not stated.
        places: name of the image at each place in the stack, those that are not there included.
        sexes, projections: female, male, other; AP, PA; empty where not stated.
    """

    index: NDArray[np.int64]
    names: list[str]
    patients: list[str]
    studies: list[str]
    views: list[str]
    splits: list[str]
    virtual: NDArray[np.bool_]
    shapes: NDArray[np.int32]
    pixels: list[str]
    labels: NDArray[np.int8]
    label_names: tuple[str, ...]
    failed: list[tuple[str, str]]
    ages: NDArray[np.float32]
    sexes: list[str]
    projections: list[str]
    places: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def names_in(self, start: int, count: int) -> tuple[str, ...]:
        """Names of the images at so many places of the stack, from one on."""
        return self.places[start : start + count]

    def where(self, split: str) -> NDArray[np.int64]:
        """Positions in this table of the images of a split."""
        return np.array([n for n, found in enumerate(self.splits) if found == split], np.int64)


def write_table(path: Path, label_names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Replace a table in one step; a row holds the values of `COLUMNS`, `ABOUT`, and those of the labels."""
    write_csv(path, [*COLUMNS, *ABOUT, *label_names], rows, exact=True)


def without_about(path: Path, label_names: tuple[str, ...]) -> bytes:
    """A table as an earlier version would have written it, without the columns of `ABOUT`."""
    content = path.read_bytes()
    table = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    if tuple(next(table, [])) != (*COLUMNS, *ABOUT, *label_names):
        return content
    first, after = len(COLUMNS), len(COLUMNS) + len(ABOUT)
    text = io.StringIO(newline="")
    plain = csv.writer(text, lineterminator="\n")
    plain.writerow((*COLUMNS, *label_names))
    plain.writerows([*row[:first], *row[after:]] for row in table)
    return text.getvalue().encode()


def read_table(path: Path, label_names: tuple[str, ...]) -> ImageTable:
    """Read what `write_table` wrote, or that of an earlier version, in which nobody's age and sex are stated.

    Raises:
        CacheError: a link; other columns, or a cell that cannot be read; names the line.
    """
    if not is_regular_or_missing(path):
        raise link_error(path)
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.reader(file)
        header = next(table, [])
        told = tuple(header) == (*COLUMNS, *ABOUT, *label_names)
        if not told and tuple(header) != (*COLUMNS, *label_names):
            raise CacheError(f"{path} has other columns than {path.parent} needs: run `pcrl ingest` again")
        rows = list(table)
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise CacheError(
                f"{path}, line {line}: {len(row)} cells instead of {len(header)}: ingest it again"
            )
        if row[0] != str(line - 2):
            raise CacheError(
                f"{path}, line {line}: index is {row[0]!r}, expected {line - 2}, its place: ingest it again"
            )
        try:
            check_key(row[1])
        except ValueError as error:
            raise CacheError(f"{path}, line {line}: name: {error}: ingest it again") from error
        if row[6] not in (*get_args(Split), "") or (not row[6] and not row[13]):
            raise CacheError(
                f"{path}, line {line}: split is {row[6]!r}, expected {', '.join(get_args(Split))}: ingest it again"
            )
    there = [row for row in rows if not row[13]]
    first = len(COLUMNS) + len(ABOUT) * told
    try:
        labels = [[int(cell) if cell else NOT_MENTIONED for cell in row[first:]] for row in there]
        return ImageTable(
            index=np.array([int(row[0]) for row in there], np.int64),
            names=[row[1] for row in there],
            patients=[row[3] for row in there],
            studies=[row[4] for row in there],
            views=[row[5] for row in there],
            splits=[row[6] for row in there],
            virtual=np.array([row[7] == "1" for row in there], bool),
            shapes=np.array([(int(row[8]), int(row[9])) for row in there], np.int32).reshape(-1, 2),
            pixels=[row[12] for row in there],
            labels=np.array(labels, np.int8).reshape(len(there), len(label_names)),
            label_names=label_names,
            failed=[(row[1], row[13]) for row in rows if row[13]],
            ages=np.array([float(row[14]) if told and row[14] else np.nan for row in there], np.float32),
            sexes=[row[15] if told else "" for row in there],
            projections=[row[16] if told else "" for row in there],
            places=tuple(row[1] for row in rows),
        )
    except ValueError as error:
        raise CacheError(f"{path} cannot be read ({error}): ingest it again") from error
