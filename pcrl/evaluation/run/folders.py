"""Where evaluations are kept: in new folders, or in those of unfinished ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from pcrl.evaluation.records.errors import ProtocolError

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
    """Refuse a folder that holds something: nothing is overwritten.

    Args:
        begun: name of the file by which one would know that --resume can go on there.

    Raises:
        ProtocolError: it does, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ProtocolError(f"{folder} is a file: give a folder as --out")
    if folder.is_dir() and any(folder.iterdir()):
        resumable = bool(begun) and (folder / begun).exists()
        how = "continue it (--resume), or give another --out" if resumable else "give another --out"
        raise ProtocolError(f"{folder} is not empty: {how}")


def newest_unfinished(task: str, begun: str, ended: str, task_of: Callable[[Path], str]) -> Path | None:
    """The folder in `EVALUATIONS` that was begun last among those of a task that have not ended, whatever its name.

    Args:
        begun, ended: names of the files that are written first and last.
        task_of: reads the task of a folder.

    Returns:
        None if there is none.
    """

    def unfinished() -> Iterator[Path]:
        for path in EVALUATIONS.glob(f"*/{begun}"):
            if not (path.parent / ended).exists() and task_of(path.parent) == task:
                yield path.parent

    return max(unfinished(), key=lambda folder: (folder / begun).stat().st_mtime, default=None)
