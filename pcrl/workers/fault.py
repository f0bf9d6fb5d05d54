"""Why a worker gave no result, in words: what happened to it, and what to change."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from pcrl.workers.limits import Limits


@dataclass(frozen=True, slots=True)
class Fault:
    """A task that came to nothing.

    Args:
        reason: what happened, and what to change; the name of the file goes before it.
        is_stopped_by_others: nobody here stopped the worker, and it did not end by itself: the task may be innocent.
    """

    reason: str
    is_stopped_by_others: bool = False


def raised(text: str) -> Fault:
    """Of an error that the function did not expect."""
    return Fault(text)


def out_of_time(limits: Limits) -> Fault:
    """Of a worker that was stopped because it took too long."""
    slow = f", or is slow; in the latter case give it more time with {limits.longer}" if limits.longer else ""
    return Fault(
        f"not read after {limits.seconds:g} s, and given up: the file or its file system hangs{slow}"
    )


def out_of_memory(limits: Limits, used: int) -> Fault:
    """Of a worker that was stopped because it took too much memory."""
    assert limits.resident is not None
    return Fault(
        f"the process that read it used {used / 1e9:.1f} GB of memory and was stopped: one may use "
        f"{limits.resident / 1e9:.1f} GB. If the file is as large as that, allow more with --memory GB, or with fewer "
        "--workers; if not, it is damaged"
    )


def died(exit_code: int | None) -> Fault:
    """Of a worker that ended without anybody having stopped it."""
    if exit_code is None:
        return Fault("the process that read it is gone, and cannot be asked why")
    if exit_code >= 0:
        return Fault(
            f"the process that read it ended by itself, with status {exit_code}: the file is damaged"
        )
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    if -exit_code == signal.SIGKILL:
        return Fault(
            "the process that read it was killed from outside (SIGKILL), as the system does when memory runs out: use "
            "fewer --workers, or allow each less with --memory GB",
            is_stopped_by_others=True,
        )
    return Fault(
        f"the process that read it crashed ({name}): the file is damaged; copy it again, or convert it"
    )
