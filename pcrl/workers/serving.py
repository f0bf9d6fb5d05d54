"""What a worker does: it takes tasks from its pipe, and sends back what comes of each."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import resource
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from pcrl.workers.limits import resident

UP = "up"
"""What a worker sends first."""
_DEATH_OF_PARENT = 1
"""PR_SET_PDEATHSIG of Linux."""
_KEPT = 64 << 20
"""Bytes that it may keep between tasks without giving them back."""
_FIRST_TO_GO = "500"
"""By how much rather the system stops a worker than the process that started it, if memory runs out."""


def serve(pickled: bytes, pipe: Connection, parent: int, address_space: int | None) -> None:
    """Do tasks until the other end is closed; results, and what was raised, are sent one by one.

    Args:
        pickled: the function that does a task; its module is loaded here, before the first task comes.
        parent: the process that started this one, with which it ends.
        address_space: bytes that may be taken beyond those that are in use now; none: any.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent alone, which ends its workers.
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    leave_if_orphaned(parent)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    # A segmentation fault is told by its signal: gigabytes of core dumps say no more to anyone.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Locks of libraries have no name then: what is named, and belongs to one that was killed, is told as a leak.
    multiprocessing.set_start_method("fork", force=True)
    function = pickle.loads(pickled)
    if address_space is not None:
        _limit_address_space(address_space)
    at_first = resident(os.getpid())
    pipe.send(UP)
    while True:
        try:
            tasks = pipe.recv()
        except (EOFError, OSError):
            return
        for task in tasks:
            try:
                answer = (True, function(task))
            except Exception as error:
                answer = (False, f"{type(error).__name__}: {error}")
            # What one case has used is given back before the next is read.
            if hasattr(libc, "malloc_trim") and resident(os.getpid()) - at_first > _KEPT:
                libc.malloc_trim(0)
            pipe.send(answer)
            del answer


def leave_if_orphaned(parent: int) -> None:
    """End at once if the process that started this one is gone."""
    if os.getppid() != parent:
        os._exit(1)


def _limit_address_space(more: int) -> None:
    try:
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return
    limit = used * os.sysconf("SC_PAGE_SIZE") + more
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
