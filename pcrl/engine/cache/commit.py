"""A case is in the cache whole, or not at all: written aside, digested, renamed."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.engine.cache.guard.names import FilePath
from pcrl.engine.cache.guard.walk import files_in, odd_kind
from pcrl.files import Record, save_record, sha256_of

COMMIT = "commit.json"
CHANGE = "change.json"
"""See `pcrl.engine.cache.changes`."""


class FileRecord(Record):
    """Size in bytes and SHA-256 of a committed file."""

    size: int
    sha256: str


def record_of(path: Path) -> FileRecord:
    """Of a file as it is now."""
    return FileRecord(size=path.stat().st_size, sha256=sha256_of(path))


def size_fault(path: str | Path, size: int) -> str:
    """What of a file can be seen to be wrong without reading it; empty if nothing. A link is not followed."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return f"missing; {size} bytes were written"
    if not stat.S_ISREG(status.st_mode):
        return f"{odd_kind(Path(path))}; a file of {size} bytes was written"
    return "" if status.st_size == size else f"{status.st_size} bytes, {size} were written"


def fault_of(path: Path, expected: FileRecord) -> str:
    """What of a file is not as it was written; empty if all is well. Reads every byte of one of the right size."""
    if fault := size_fault(path, expected.size):
        return fault
    return "" if sha256_of(path) == expected.sha256 else "content differs from what was written (SHA-256)"


class Commit(Record):
    """All files of a case but this one. A case without it is not in the cache."""

    format: int
    files: dict[FilePath, FileRecord]


def commit(folder: Path) -> None:
    """Write the commit record of all files in `folder`."""
    files = {
        str(path.relative_to(folder)): record_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != COMMIT
    }
    save_commit(folder, files)


def save_commit(folder: Path, files: Mapping[str, FileRecord]) -> None:
    """Write the commit record of a case with these files; the same bytes in whatever order they come."""
    ordered = {name: files[name] for name in sorted(files, key=lambda name: Path(name).parts)}
    save_record(Commit(format=FORMAT, files=ordered), folder / COMMIT)


def read_commit(folder: Path) -> Commit:
    """The commit record of a case; raises `CacheError` as `read_record`."""
    return read_record(Commit, folder / COMMIT)


def is_committed(folder: Path) -> bool:
    """Whether the case in `folder` is whole."""
    return (folder / COMMIT).is_file()


def first_fault(folder: Path, files: Mapping[str, FileRecord]) -> str:
    """What can be seen to be wrong with files below a folder without reading any; empty if nothing.

    Looks at each file and each folder on the way to it, and follows no link.
    """
    # A thousand cases have a dozen files each: paths as plain text take a third of the time.
    start = f"{folder}/"
    ways = {""}
    for name in files:
        way = name.rpartition("/")[0]
        while way not in ways:
            ways.add(way)
            way = way.rpartition("/")[0]
    for way in sorted(ways):
        try:
            kind = os.lstat(start + way if way else folder).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue  # The first file in it is named below.
        if not stat.S_ISDIR(kind):
            return f"{folder / way} is {odd_kind(folder / way)}, a folder was written"
    for name, expected in files.items():
        if fault := size_fault(start + name, expected.size):
            return f"{folder / name}: {fault}"
    return ""


def damages(folder: Path) -> list[str]:
    """What of a committed case is not as it was written: one line a file; empty if all is well. Reads every byte.

    What is there beside it is not part of the case, and not named.
    """
    if folder.is_symlink():
        return ["a symbolic link, which pcrl does not follow"]
    try:
        record = read_commit(folder)
    except CacheError as error:
        return [str(error)]
    there = files_in(folder)
    lines = []
    for name, expected in sorted(record.files.items()):
        # What is not met on a walk without links is missing, or behind one.
        fault = fault_of(folder / name, expected) if name in there else _absence(folder, name)
        if fault:
            lines.append(f"{name}: {fault}")
    return lines


def _absence(folder: Path, name: str) -> str:
    for way in reversed(Path(name).parents):
        if (folder / way).is_symlink():
            return f"missing: {way} is a symbolic link, which pcrl does not follow"
    return "missing"


def is_part_of(folder: Path, name: str) -> bool:
    """Whether the commit record of a case names this file."""
    return name in read_commit(folder).files
