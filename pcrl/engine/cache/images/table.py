"""The table beside a stack of images: CSV, so that any program opens it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.format import CacheError
from pcrl.files import write_csv

TABLE = "table.csv"
NOT_MENTIONED = -2
"""Label of which nothing is said; an empty cell in the table."""
COLUMNS = (
    "index", "name", "path", "patient", "study", "view", "split", "virtual", "height", "width", "original_height",
    "original_width", "pixels", "error",
)  # fmt: skip
"""Of every table; one column for each label comes after them."""


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

    def __len__(self) -> int:
        return len(self.names)

    def where(self, split: str) -> NDArray[np.int64]:
        """Positions in this table of the images of a split."""
        return np.array([n for n, found in enumerate(self.splits) if found == split], np.int64)


def write_table(path: Path, label_names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Replace a table in one step; a row holds the values of `COLUMNS`, then those of the labels."""
    write_csv(path, [*COLUMNS, *label_names], rows)


def read_table(path: Path, label_names: tuple[str, ...]) -> ImageTable:
    """Read what `write_table` wrote.

    Raises:
        CacheError: other columns, or a cell that cannot be read; names the line.
    """
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.reader(file)
        header = next(table, [])
        if tuple(header) != (*COLUMNS, *label_names):
            raise CacheError(f"{path} has other columns than {path.parent} needs: run `pcrl ingest` again")
        rows = list(table)
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise CacheError(
                f"{path}, line {line}: {len(row)} cells instead of {len(header)}: ingest it again"
            )
    there = [row for row in rows if not row[13]]
    first = len(COLUMNS)
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
        )
    except ValueError as error:
        raise CacheError(f"{path} cannot be read ({error}): ingest it again") from error
