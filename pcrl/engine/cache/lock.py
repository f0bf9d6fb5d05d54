"""One writer at a time for each data set of a cache, and no worker of a writer that is gone."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcrl.engine.cache.format import CacheError

LOCK, WORKERS = ".lock", ".workers.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the writer's lock of a data set; the system releases it when the process ends, however it ends.

    Raises:
        CacheError: another process is writing to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
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


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Held by a worker process while it writes cases of the data set in `folder`."""
    with (folder / WORKERS).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def wait_for_workers(folder: Path) -> None:
    """Wait until no worker of an earlier, killed writer is at work any more: they die with it, but not at once."""
    with (folder / WORKERS).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
