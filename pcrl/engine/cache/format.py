"""What all records of a cache share: the version of the format, and how they are read."""

from __future__ import annotations

import stat
from pathlib import Path

from pcrl.files import AnyRecord, RecordError, load_record

FORMAT = 1
MR_FORMAT = 2
"""Of a case that is an MR: 1 set all tissue that is darker than others to the lower end of its window."""


def format_of(modality: str) -> int:
    """The version in which a case of this modality is stored."""
    return MR_FORMAT if modality == "mr" else FORMAT


class CacheError(RuntimeError):
    """A cache that is missing, damaged, locked or of another version; the message says what to do."""


def damage_error(what: str, fault: str, root: Path) -> CacheError:
    """The error for what is not as it was written, with what to do.

    Args:
        what: data set or case.
        fault: the file, what was found, and what was expected.
        root: of the cache.
    """
    return CacheError(
        f"{what}: {fault}. Run `pcrl cache verify {root} --discard`, then ingest it again (the same `pcrl ingest`)"
    )


def is_regular_or_missing(path: Path) -> bool:
    """Whether a file may be opened: it is no link, and nothing that a reader would wait at for ever."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True


def link_error(path: Path) -> CacheError:
    """The error for a link in a cache, or for a device, a pipe or a socket."""
    kind = "a symbolic link" if path.is_symlink() else "no regular file"
    return CacheError(
        f"{path} is {kind}: pcrl makes none in a cache, and follows none out of it (the folder of the cache itself may "
        "be one). Take it away, or move what is behind it here; `pcrl cache verify --discard` puts aside what is in a "
        "data set"
    )


def read_record(kind: type[AnyRecord], path: Path) -> AnyRecord:
    """Read a record. Names in it that become paths are checked by its fields; see `pcrl.engine.cache.guard.names`.

    Raises:
        CacheError: missing, no regular file, damaged, or written by another version.
    """
    if not is_regular_or_missing(path):
        raise link_error(path)
    try:
        record = load_record(kind, path)
    except FileNotFoundError as error:
        raise CacheError(f"{path} is missing") from error
    except RecordError as error:
        raise CacheError(
            f"{path} cannot be used ({error.fault}): it is damaged or was written by another version of pcrl (this one "
            f"reads format {FORMAT}); ingest it again"
        ) from error
    stated, modality = getattr(record, "format", FORMAT), getattr(record, "modality", "")
    if modality == "mr" and stated < MR_FORMAT:
        raise CacheError(
            f"{path} is of an MR whose dark tissue an earlier version of pcrl has set to one value; run the same `pcrl "
            "ingest` again: it reads such cases anew and leaves all others as they are"
        )
    if stated != format_of(modality):
        raise CacheError(
            f"{path} is of format {stated}, this version of pcrl reads {format_of(modality)}; ingest it again"
        )
    return record
