"""One writer at a time for each data set of a cache."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcrl.engine.cache.format import CacheError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the writer's lock of a data set; the system releases it when the process ends, however it ends.

    Raises:
        CacheError: another process is writing to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise CacheError(f"{folder} is being written by {holder}: wait for it, or stop it") from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
