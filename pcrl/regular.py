"""Only regular files are read: a pipe, a socket or a device never ends, or waits for ever for somebody who writes."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def why_not_regular(path: Path) -> str:
    """Why what is called so, links followed, is no file that can be read; empty if it is one.

    Nothing of it is read: it is opened only if it is a regular file.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return f"is a link to {path.readlink()}, which is not there" if path.is_symlink() else "no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if stat.S_ISREG(mode):
        return ""
    kind = next((words for is_one, words in _KINDS if is_one(mode)), "no file")
    link = f"a link to {path.resolve()}, " if path.is_symlink() else ""
    return f"is {link}{kind}, expected a regular file"
