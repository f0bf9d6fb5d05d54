"""The grade of the gliomas of BraTS: high (HGG) or low (LGG), as folders or tables of the releases state it.

Up to 2019 cases lie in the folders `HGG` and `LGG`; `name_mapping.csv` of 2019 and 2020 has the column `Grade` beside
the names that a case has in each year.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pcrl.datasets.case import LayoutError
from pcrl.datasets.rows import columns, rows
from pcrl.datasets.tree import walk
from pcrl.listing import few

GRADE = "grade"
_FOLDERS = ("HGG", "LGG")
_NOTHING = {"", "NA", "N/A", "NAN", "NONE", "UNKNOWN"}


def grades_of(files: Mapping[str, Path], source: Path) -> tuple[dict[str, str], list[str]]:
    """Case → grade, of those of which it is stated, and notes on what is stated twice or cannot be read.

    Args:
        files: case → one of its files, below `source`.
    """
    stated: dict[str, dict[str, str]] = {name: {} for name in files}
    for name, path in files.items():
        for part in (source.resolve().name, *path.relative_to(source).parts[:-1]):
            if part.upper() in _FOLDERS:
                stated[name].setdefault(part.upper(), f"its folder {part}")
    notes = []
    for table in _tables(source):
        try:
            for name, grade in _read(table, files):
                # A grade in other words, such as a number, says nothing against a folder.
                if grade in _FOLDERS or not stated[name]:
                    stated[name].setdefault(grade, table.name)
        except LayoutError as error:
            notes.append(f"grades of this table are not taken: {error}")
    if torn := [
        f"{name} ({', '.join(f'{grade} in {where}' for grade, where in grades.items())})"
        for name, grades in stated.items()
        if len(grades) > 1
    ]:
        notes.append(f"of two grades, and so of none that is known; mend the table: {few(torn)}")
    return {name: next(iter(grades)) for name, grades in stated.items() if len(grades) == 1}, notes


def _tables(source: Path) -> list[Path]:
    """All CSV files with a column `Grade`, in any case; those without a readable first line have none."""
    found = []
    for folder, names in walk(source, []):
        for path in (folder / name for name in sorted(names) if name.lower().endswith(".csv")):
            try:
                named = {column.lower() for column in columns(path)}
            except (LayoutError, OSError):
                continue
            found += [path] * (GRADE in named)
    return found


def _read(table: Path, cases: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Case and grade of each row that names a case in any of its cells."""
    found = []
    for _, row in rows(table):
        grade = next(cell for column, cell in row.items() if column.lower() == GRADE).upper()
        if grade not in _NOTHING:
            found += [(name, grade) for name in dict.fromkeys(row.values()) if name in cases]
    return found
