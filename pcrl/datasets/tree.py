"""Walking a source folder, and telling a user what was expected there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pcrl.datasets.case import LayoutError, Unreadable
from pcrl.listing import few

_SHOWN = 8
_ANY = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".png", ".jpg", ".jpeg")


def walk(source: Path, unreadable: list[OSError] | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Folders below `source` and the names of their files, in natural order.

    Links to folders are followed, after the folders that lie beside them. A folder that several ways lead to is given
    once, so that a link to a folder above it ends there. Folders that cannot be read are put in `unreadable`.
    """
    seen: set[tuple[int, int]] = set()
    collect = None if unreadable is None else unreadable.append
    for folder, subfolders, files in os.walk(source, followlinks=True, onerror=collect):
        here = Path(folder)
        try:
            status = here.stat()
        except OSError as error:
            if collect is None:
                raise
            collect(error)
            subfolders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        subfolders[:] = sorted(
            (name for name in subfolders if not name.startswith(".")),
            key=lambda name: ((here / name).is_symlink(), natural(name)),
        )
        yield here, sorted((name for name in files if not name.startswith(".")), key=natural)


def cannot_be_read(errors: Iterable[OSError], source: Path) -> tuple[Unreadable, ...]:
    """The folders below `source` that `walk` could not look into."""
    listed = []
    for error in errors:
        path = Path(error.filename or source)
        name = str(path.relative_to(source)) if path.is_relative_to(source) else str(path)
        listed.append(Unreadable(name, f"{path}: this folder cannot be read: {error.strerror}"))
    return tuple(listed)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which volume-2 comes before volume-10."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def check_folder(source: Path, dataset: str, expected: str) -> None:
    """Raise `LayoutError` unless `source` is a folder with something in it."""
    if not source.exists():
        raise LayoutError(
            f"{source} does not exist. Give the folder with --source, or put it there. Expected:\n{expected}"
        )
    if not source.is_dir():
        raise LayoutError(f"{source} is a file; {dataset} is a folder. Expected:\n{expected}")


def wrong(source: Path, dataset: str, expected: str) -> LayoutError:
    """The error for a folder in which nothing of the data set was found."""
    entries = sorted((p.name + ("/" if p.is_dir() else "") for p in source.iterdir()), key=natural)
    found = few(entries, _SHOWN)
    hint = _guess(source, entries, dataset)
    return LayoutError(
        f"{source} is not laid out as {dataset}. Expected:\n{expected}\nFound: {found or 'nothing, it is empty'}."
        + (f" {hint}" if hint else "")
    )


def _guess(source: Path, entries: Iterable[str], dataset: str) -> str:
    names = list(entries)
    looks = {
        "nnunet": any(n in {"imagesTr/", "dataset.json"} or re.match(r"Dataset\d{3}_", n) for n in names),
        "luna": any(re.fullmatch(r"subset\d+/", n) for n in names),
        "lits": any(True for _ in source.glob("**/volume-*.nii*")),
        "brats": any(re.match(r"(?i)(miccai_)?brats", n) or n in {"HGG/", "LGG/"} for n in names),
        "chexpert": any(re.match(r"(?i)chexpert", n) for n in names),
        "chestxray": any(re.fullmatch(r"Data_Entry_2017.*\.csv", n) for n in names),
        "folder": any(n.lower().endswith(_ANY) for n in names),
    }
    for name, found in looks.items():
        if found and name != dataset:
            return f"This looks like --layout {name}."
    return ""
