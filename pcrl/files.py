"""Files that are written whole or not at all: text, tables, folders, and records as JSON."""

from __future__ import annotations

import csv
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pcrl.faults import point

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First letters of a cell that spreadsheets carry out (OWASP, CSV injection)."""


class RecordError(ValueError):
    """A record that cannot be used; the message names the file, the field and what is wrong with it.

    Args:
        fault: the field, and what is wrong with it.
    """

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path} cannot be used ({fault}): it is damaged, or of another version of pcrl")
        self.fault = fault


class Record(BaseModel):
    """Base of everything that is kept as JSON: immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnyRecord = TypeVar("AnyRecord", bound=Record)


def dumps(record: Record) -> str:
    """A record as JSON: the same bytes for the same content."""
    return record.model_dump_json(indent=1) + "\n"


def save_record(record: Record, path: Path) -> None:
    """Write a record in one step; its folder is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, dumps(record))


def load_record(kind: type[AnyRecord], path: Path) -> AnyRecord:
    """Read a record.

    Raises:
        FileNotFoundError: there is none.
        RecordError: damaged, or written by another version of pcrl.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise RecordError(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new, never a part."""
    with new_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], *, exact: bool = False
) -> None:
    """Write or replace a table in one step; None is an empty cell.

    Names come from strangers' files: what a spreadsheet would carry out as a formula gets an apostrophe before it.

    Args:
        exact: of a table that programs read back: every text as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        for row in chain([header], rows):
            table.writerow(row if exact else map(_defused, row))


def _defused(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula; numbers are as they are, in a text too."""
    if not isinstance(cell, str) or not cell.startswith(_FORMULAS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


@contextmanager
def new_file(final: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `final` when the block ends well, and vanishes when it does not."""
    partial = final.with_name(f".{final.name}.partial")
    # What a killed process left, or a link: to open it would write to where it points.
    remove(partial)
    try:
        yield partial
        sync(partial)
        rename(partial, final)
        sync(final.parent)
    except BaseException as error:
        _name(error, final)
        remove(partial)
        raise


def _name(error: BaseException, path: Path) -> None:
    """A write that fails does not say which file it was of."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        error.filename = str(path)


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `final` when the block ends well, and vanishes when it does not."""
    partial, old = (final.with_name(f".{final.name}.{what}") for what in ("partial", "old"))
    remove(partial)
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in sorted([partial, *partial.rglob("*")]):
            sync(path)
        if is_there(final):
            # Not in one step, but what a kill in between leaves says which of the two is whole.
            remove(old)
            rename(final, old)
            rename(partial, final)
            remove(old)
        else:
            rename(partial, final)
        sync(final.parent)
    except BaseException as error:
        _name(error, final)
        remove(partial)
        raise


def is_there(path: Path) -> bool:
    """Whether there is anything of this name, a link that leads nowhere included."""
    return os.path.lexists(path)


def rename(path: Path, to: Path) -> None:
    """Give a file or folder another name; a file of that name is replaced."""
    point()
    path.rename(to)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it, if it is there; links are not followed."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(kind):
        for inner in sorted(path.iterdir()):
            remove(inner)
        point()
        path.rmdir()
    else:
        point()
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or what is in a folder by which names, is on the disk."""
    point()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
