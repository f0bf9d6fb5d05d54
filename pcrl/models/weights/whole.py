"""Size and SHA-256 of the files of a folder of weights, kept beside them: a changed bit is found before it is used."""

from __future__ import annotations

from pathlib import Path

from pcrl.files import Record, RecordError, load_record, save_record, sha256_of
from pcrl.models.weights.published import WeightsError

FILES = "files.json"


class FileDigest(Record):
    """Of one file: bytes, and SHA-256."""

    size: int
    sha256: str


class FolderFiles(Record):
    """Name → size and digest, of every file of a folder but this record."""

    format: int = 1
    files: dict[str, FileDigest]


def write_digests(folder: Path) -> None:
    """Write or replace `files.json` of a folder that is complete."""
    named = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and path.name != FILES}
    files = {
        name: FileDigest(size=path.stat().st_size, sha256=sha256_of(path)) for name, path in named.items()
    }
    save_record(FolderFiles(files=files), folder / FILES)


def require_whole(folder: Path) -> None:
    """Check that every file is as it was written; nothing can be checked where an earlier version wrote the folder.

    Raises:
        WeightsError: a file is missing, or has changed.
    """
    try:
        known = load_record(FolderFiles, folder / FILES).files
    except FileNotFoundError:
        return
    except RecordError as error:
        raise WeightsError(f"{error}; copy or save the folder again") from error
    for name, expected in known.items():
        path = folder / name
        if not path.is_file():
            raise WeightsError(
                f"{path} is missing, which was written with the others; copy or save the folder again"
            )
        if (size := path.stat().st_size) != expected.size:
            raise WeightsError(
                f"{path}: damaged ({size} bytes, and {expected.size} were written); copy or save it again"
            )
        if sha256_of(path) != expected.sha256:
            raise WeightsError(
                f"{path}: damaged (its SHA-256 is not that of what was written); copy or save it again"
            )
