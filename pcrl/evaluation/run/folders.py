"""Where evaluations are kept: in new folders, or in those of unfinished ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pcrl.engine.cache.guard.walk import is_left
from pcrl.engine.cache.lock import LOCK
from pcrl.evaluation.records.errors import ProtocolError

Asked = TypeVar("Asked")

EVALUATIONS = Path("evaluations")
"""In the working directory."""


def new_folder(out: str | Path | None, name: str, begun: str) -> Path:
    """The folder for what is about to begin; it is not made yet.

    Args:
        out: none: a folder of `EVALUATIONS`, by name and time.
        begun: name of the file by which one would know that something can go on there.

    Raises:
        ProtocolError: it holds something.
    """
    folder = EVALUATIONS / f"{name}-{datetime.now():%Y%m%d-%H%M%S}" if out is None else Path(out)
    require_empty(folder, begun)
    return folder


def require_empty(folder: Path, begun: str = "") -> None:
    """Refuse a folder that holds more than what a killed process leaves before it begins: nothing is overwritten.

    Args:
        begun: name of the file by which one would know that --resume can go on there.

    Raises:
        ProtocolError: it does, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ProtocolError(f"{folder} is a file: give a folder as --out")
    if folder.is_dir() and any(path.name != LOCK and not is_left(path.name) for path in folder.iterdir()):
        resumable = bool(begun) and (folder / begun).exists()
        how = "continue it (--resume), or give another --out" if resumable else "give another --out"
        raise ProtocolError(f"{folder} is not empty: {how}")


def to_go_on_with(
    out: str | Path | None,
    task: str,
    command: str,
    begun: str,
    ended: str,
    read: Callable[[Path], tuple[str, Asked]],
) -> tuple[Path, Asked]:
    """What was begun and has not ended: that in `out`, or the newest of the task in `EVALUATIONS`, whatever its name.

    Args:
        command: that began it, such as `eval`.
        begun, ended: names of the files that are written first and last.
        read: the task of a folder, and what was asked.

    Returns:
        The folder, and what was asked.

    Raises:
        ProtocolError: there is none, or `out` holds that of another task.
    """
    if out is not None:
        of, asked = read(Path(out))
        if of != task:
            raise ProtocolError(
                f"{out} was begun by pcrl {command} {of}: go on with pcrl {command} {of} --out {out} --resume"
            )
        return Path(out), asked
    by_age = sorted(EVALUATIONS.glob(f"*/{begun}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in (path.parent for path in by_age if not (path.parent / ended).exists()):
        of, asked = read(folder)
        if of == task:
            return folder, asked
    raise ProtocolError(
        f"pcrl {command} {task} has nothing unfinished in ./{EVALUATIONS}: give --out, or run without --resume"
    )
