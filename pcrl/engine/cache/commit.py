"""A case is in the cache whole, or not at all: written aside, digested, renamed."""

from __future__ import annotations

from pathlib import Path

from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.files import Record, save_record, sha256_of

COMMIT = "commit.json"


class FileRecord(Record):
    """Size in bytes and SHA-256 of a committed file."""

    size: int
    sha256: str


def record_of(path: Path) -> FileRecord:
    """Of a file as it is now."""
    return FileRecord(size=path.stat().st_size, sha256=sha256_of(path))


def fault_of(path: Path, expected: FileRecord) -> str:
    """What of a file is not as it was written; empty if all is well. Reads every byte of one of the right size."""
    if not path.is_file():
        return "missing"
    if (size := path.stat().st_size) != expected.size:
        return f"{size} bytes, {expected.size} were written"
    return "" if sha256_of(path) == expected.sha256 else "content differs from what was written (SHA-256)"


class Commit(Record):
    """All files of a case but this one. A case without it is not in the cache."""

    format: int
    files: dict[str, FileRecord]


def commit(folder: Path) -> None:
    """Write the commit record of all files in `folder`."""
    files = {
        str(path.relative_to(folder)): record_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != COMMIT
    }
    save_record(Commit(format=FORMAT, files=files), folder / COMMIT)


def is_committed(folder: Path) -> bool:
    """Whether the case in `folder` is whole."""
    return (folder / COMMIT).is_file()


def damages(folder: Path) -> list[str]:
    """What of a committed case is not as it was written: one line a file; empty if all is well. Reads every byte."""
    try:
        record = read_record(Commit, folder / COMMIT)
    except CacheError as error:
        return [str(error)]
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != COMMIT}
    lines = [f"{name}: not part of the commit record" for name in sorted(found - set(record.files))]
    faults = ((name, fault_of(folder / name, expected)) for name, expected in sorted(record.files.items()))
    return lines + [f"{name}: {fault}" for name, fault in faults if fault]


def include(folder: Path, name: str) -> None:
    """Take a file that was written into the folder of a committed case into its record; the others are not read."""
    record = read_record(Commit, folder / COMMIT)
    files = {**record.files, name: record_of(folder / name)}
    save_record(Commit(format=record.format, files=files), folder / COMMIT)


def forget(folder: Path, name: str) -> None:
    """Take a file or subfolder out of a committed case. The record goes first: what it does not name is not there."""
    record = read_record(Commit, folder / COMMIT)
    kept = {n: f for n, f in record.files.items() if n != name and not n.startswith(f"{name}/")}
    save_record(Commit(format=FORMAT, files=kept), folder / COMMIT)
    discard_uncommitted(folder)


def is_part_of(folder: Path, name: str) -> bool:
    """Whether the commit record of a case names this file."""
    return name in read_record(Commit, folder / COMMIT).files


def discard_uncommitted(folder: Path) -> None:
    """Remove files of a committed case that a killed run left beside it."""
    record = read_record(Commit, folder / COMMIT)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            if path.name != COMMIT and str(path.relative_to(folder)) not in record.files:
                path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
