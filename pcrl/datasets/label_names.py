"""`labels.csv`: an optional table in a source folder that says what the values of its segmentations mean."""

from __future__ import annotations

from pathlib import Path

from pcrl.datasets.case import LayoutError
from pcrl.datasets.rows import rows

FILE = "labels.csv"


def stated_labels(source: Path, known: tuple[str, ...]) -> dict[int, str] | None:
    """Value → name as `source/labels.csv` (columns `value,name`) has them; none if there is no such file.

    Args:
        known: names that there are.

    Raises:
        LayoutError: missing column, a value that is no number from 1 on or is there twice, an unknown name.
    """
    path = source / FILE
    if not path.is_file():
        return None
    names: dict[int, str] = {}
    for line, row in rows(path, ("value", "name")):
        where, text, name = f"{path}, line {line}", row["value"], row["name"]
        if not (text.isascii() and text.isdigit() and int(text)):
            raise LayoutError(f"{where}: value is {text!r}, expected a whole number from 1 on")
        if int(text) in names:
            raise LayoutError(f"{where}: value {text} is listed a second time")
        if name not in known:
            raise LayoutError(f"{where}: name is {name!r}, expected one of {', '.join(known)}")
        names[int(text)] = name
    return names
