"""A disk that is full, or must not be written to: told from other errors, and said in words that say what to do."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_WORDS = {
    errno.ENOSPC: "no space is left on the disk: make room, or give a folder on another one",
    errno.EDQUOT: "the quota of the disk is used up: make room, or give a folder on another one",
    errno.EFBIG: "larger than files may be here: raise the limit (ulimit -f), or give a folder on another disk",
    errno.EROFS: "the file system is read-only: give a folder elsewhere",
    errno.EACCES: "permission denied: change who may write there, or give a folder elsewhere",
    errno.EPERM: "not permitted: change who may write there, or give a folder elsewhere",
    errno.EIO: "the disk reports an error: check it, and give a folder on another one",
    errno.ESTALE: "the network file system has lost the file: check the mount",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine: close other programs",
    errno.ENAMETOOLONG: "the name is too long for the file system: give a shorter one",
    errno.ENOTDIR: "a part of the path is a file, and no folder: give another path",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Nothing else can be written there either."""
_NUMBER = re.compile(r"os error (\d+)|errno[ =]+(\d+)", re.IGNORECASE)
"""How libraries in C and Rust say it in an error of their own (h5py, safetensors)."""


def disk_fault(error: BaseException) -> str | None:
    """What an error says of a disk, with the path and what to do; none if it is about something else."""
    for one in _chain(error):
        number, path = _number(one), getattr(one, "filename", None)
        if number in _WORDS:
            where = f"{path}: " if path else ""
            return f"{where}{_WORDS[number]}{_free(path, number)}"
    return None


def is_full(error: BaseException) -> bool:
    """Whether whatever is written next to the same place would fail too."""
    return full_number(error) is not None


def full_number(error: BaseException) -> int | None:
    """The number of the system's error that says so; none if none does."""
    return next((number for one in _chain(error) if (number := _number(one)) in FULL), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came of."""
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER.search(str(error))
    return int(found[1] or found[2]) if found else None


def _free(path: object, number: int) -> str:
    if number != errno.ENOSPC or not path:
        return ""
    folder = next((each for each in Path(str(path)).absolute().parents if each.is_dir()), None)
    return "" if folder is None else f" ({shutil.disk_usage(folder).free / 1e6:,.0f} MB are free)"
