"""Tables of points in scans, as LUNA16 publishes them: seriesuid,coordX,coordY,coordZ and one value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.case import LayoutError
from pcrl.datasets.rows import rows
from pcrl.listing import counted

SERIES = "seriesuid"
COORDINATES = ("coordX", "coordY", "coordZ")


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a table that lie in known scans, in its order.

    Args:
        line: (n,) int64, line of the table.
        case: (n,) int64, number of the scan.
        position: (n, 3) float64, LPS in mm as (z, y, x).
        value: (n,) float64.
        absent: how many points were left out, as their scan is not known, by series UID.
    """

    line: NDArray[np.int64]
    case: NDArray[np.int64]
    position: NDArray[np.float64]
    value: NDArray[np.float64]
    absent: Mapping[str, int]

    def absent_in_words(self, what: str) -> str:
        """How many points were left out: `120 candidates of 3 scans`."""
        return f"{counted(sum(self.absent.values()), what)} of {counted(len(self.absent), 'scan')}"


def read_points(path: Path, cases: Mapping[str, int], column: str | None) -> Points:
    """Read a table.

    Args:
        cases: series UID to number of the scan.
        column: the one with the value; none: values are NaN.

    Raises:
        LayoutError: no such file, a missing column, a cell that is no finite number; names file, line and column.
    """
    numbers = COORDINATES if column is None else (*COORDINATES, column)
    lines, scans, values = [], [], []
    absent: dict[str, int] = {}
    for line, row in rows(path, (SERIES, *numbers)):
        series = row[SERIES]
        case = cases.get(series)
        if case is None:
            absent[series] = absent.get(series, 0) + 1
            continue
        lines.append(line)
        scans.append(case)
        values.append([_number(path, line, name, row[name]) for name in numbers])
    table = np.array(values, np.float64).reshape(-1, len(numbers))
    return Points(
        np.array(lines, np.int64),
        np.array(scans, np.int64),
        np.ascontiguousarray(table[:, 2::-1]),
        np.full(len(table), np.nan) if column is None else table[:, 3].copy(),
        absent,
    )


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LayoutError(
            f"{path}, line {line}, column {column}: found {text!r}, expected a number; mend the table in the source "
            "and ingest again"
        )
    return value
