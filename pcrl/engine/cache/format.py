"""What all records of a cache share: the version of the format, and how they are read."""

from __future__ import annotations

from pathlib import Path

from pcrl.files import AnyRecord, RecordError, load_record

FORMAT = 1


class CacheError(RuntimeError):
    """A cache that is missing, damaged, locked or of another version; the message says what to do."""


def read_record(kind: type[AnyRecord], path: Path) -> AnyRecord:
    """Read a record.

    Raises:
        CacheError: missing, damaged, or written by another version.
    """
    try:
        record = load_record(kind, path)
    except FileNotFoundError as error:
        raise CacheError(f"{path} is missing") from error
    except RecordError as error:
        raise CacheError(
            f"{path} cannot be used ({error.fault}): it is damaged or was written by another version of pcrl (this one "
            f"reads format {FORMAT}); ingest it again"
        ) from error
    stated = getattr(record, "format", FORMAT)
    if stated != FORMAT:
        raise CacheError(
            f"{path} is of format {stated}, this version of pcrl reads {FORMAT}; ingest it again"
        )
    return record
