"""Tables: the rows of a CSV file with their line numbers, and errors that name them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from pcrl.datasets.case import LayoutError

_DELIMITERS = ",;\t"


def columns(path: Path) -> list[str]:
    """The names in the first line, without spaces around them.

    Raises:
        LayoutError: the file cannot be read, is empty, or has two columns of one name.
    """
    return _header(path, _lines(path))


def rows(path: Path, required: Iterable[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells, by column and without spaces around them, of each row; empty lines are skipped.

    Comma, semicolon and tabulator are understood as separators; the first line decides.

    Raises:
        LayoutError: what `columns` raises; a missing column; a row with too few or too many cells.
    """
    lines = _lines(path)
    header = _header(path, lines)
    missing = [name for name in required if name not in header]
    if missing:
        raise LayoutError(
            f"{path}, line 1: no column {', '.join(missing)}; found {', '.join(header)}. Is this the table that the "
            "data set was published with?"
        )
    for line, cells in lines:
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise LayoutError(
                f"{path}, line {line}: found {len(cells)} cells, the first line names {len(header)} columns. Mend the "
                "line, or fetch the file again if it was cut off"
            )
        yield line, dict(zip(header, cells, strict=True))


def _header(path: Path, lines: Iterator[tuple[int, list[str]]]) -> list[str]:
    _, header = next(lines, (1, []))
    if not any(header):
        raise LayoutError(f"{path} has no first line with the names of its columns")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise LayoutError(f"{path}, line 1: column {', '.join(twice)} is there twice; rename or remove one")
    return header


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    if not path.is_file():
        raise LayoutError(f"{path} does not exist, or is no file; expected a table in CSV")
    with path.open(newline="", encoding="utf-8-sig") as file:
        line = 1
        try:
            delimiter = max(_DELIMITERS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter)
            for cells in reader:
                line = reader.line_num
                yield line, [cell.strip() for cell in cells]
        except UnicodeDecodeError as error:
            raise LayoutError(f"{path} is not UTF-8 ({error}): save it as CSV in UTF-8") from error
        except csv.Error as error:
            raise LayoutError(f"{path}, line {line + 1}: not a row of CSV: {error}") from error
