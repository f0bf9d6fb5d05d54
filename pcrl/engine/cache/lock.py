"""One writer at a time for each data set of a cache, and no worker of a writer that is gone."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pcrl.engine.cache.format import CacheError, link_error

LOCK, WORKERS = ".lock", ".workers.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the writer's lock of a data set, a run or an evaluation; the system releases it when the process ends.

    Raises:
        CacheError: another process is writing to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(folder / LOCK) as file:
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
    with _opened(folder / WORKERS) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def wait_for_workers(folder: Path) -> None:
    """Wait until no worker of an earlier, killed writer is at work any more: they die with it, but not at once."""
    if (folder / WORKERS).exists():
        with _opened(folder / WORKERS) as file:
            fcntl.flock(file, fcntl.LOCK_EX)


def _opened(path: Path) -> TextIO:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise link_error(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise link_error(path)
    return os.fdopen(descriptor, "a+", encoding="utf-8")
