"""Where CheXpert's tables and images lie: in one folder, or in the four batches in which it is handed out."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pcrl.datasets.case import LayoutError
from pcrl.datasets.tree import natural

_FOLDER = re.compile(r"(?i)chexpert.*")
_PATIENT = re.compile(r"patient\d+")
_TABLES = ("train.csv", "valid.csv")
_PARTS = ("train", "valid", "test")


def table_folder(source: Path) -> Path | None:
    """The folder with the tables: `source`, or one called CheXpert… in it, or one called so in that; or none.

    Raises:
        LayoutError: several have tables.
    """
    found = [folder for folder in _folders(source) if any((folder / name).is_file() for name in _TABLES)]
    if len(found) > 1 and found[0] != source:
        raise LayoutError(
            f"{source} holds CheXpert more than once: {', '.join(p.name for p in found)}; give one with --source"
        )
    return found[0] if found else None


class Places:
    """Finds a patient's folder. Each folder above patients is listed once; single images are not looked for.

    Args:
        source: of the data set; what is found is relative to it.
        tables: the folder with the tables; images lie in or beside it.
    """

    def __init__(self, source: Path, tables: Path) -> None:
        self._tables = tables.relative_to(source)
        self._found: dict[tuple[str, str], str] = {}
        self._missing: dict[tuple[str, str], None] = {}
        for folder in dict.fromkeys((tables, *_folders(source))):
            for part in _PARTS:
                self._index(source, folder / part, part)
            # Batches hold patients without a folder train above them.
            self._index(source, folder, "train")

    def path(self, part: str, patient: str, study: str, file: str) -> str:
        """Of an image, relative to the source; where it would be beside the tables if its patient is nowhere."""
        found = self._found.get((part, patient))
        if found is None:
            self._missing[part, patient] = None
            found = (self._tables / part / patient).as_posix()
        return f"{found}/{study}/{file}"

    def notes(self) -> list[str]:
        """What a user should be told about patients whose folder was not found."""
        if not self._missing:
            return []
        first = "/".join(next(iter(self._missing)))
        return [f"{len(self._missing)} patients of the tables have no folder, the first is {first}"]

    def _index(self, source: Path, folder: Path, part: str) -> None:
        if not folder.is_dir():
            return
        prefix = folder.relative_to(source).as_posix()
        with os.scandir(folder) as entries:
            for entry in entries:
                if _PATIENT.fullmatch(entry.name):
                    path = entry.name if prefix == "." else f"{prefix}/{entry.name}"
                    self._found.setdefault((part, entry.name), path)


def _folders(source: Path) -> list[Path]:
    below = _called_so(source)
    return [source, *below, *(inner for folder in below for inner in _called_so(folder))]


def _called_so(folder: Path) -> list[Path]:
    return sorted(
        (p for p in folder.iterdir() if _FOLDER.fullmatch(p.name) and p.is_dir()),
        key=lambda p: natural(p.name),
    )
