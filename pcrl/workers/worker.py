"""One worker, as the process that started it sees it."""

from __future__ import annotations

import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.context import SpawnContext
from typing import Any

from pcrl.workers.fault import Fault, died, out_of_memory, out_of_time, raised
from pcrl.workers.limits import Limits, resident
from pcrl.workers.serving import UP, serve

_START_SECONDS = 120.0
"""Until a worker is up: on a network file system, libraries take their time."""
_GOING = 5.0
"""Seconds that are waited for a process that was stopped: one that hangs in the kernel is left behind."""
_LARGE = 1 << 30
"""Bytes that a worker may keep after a task: one that keeps more is followed by a fresh one."""


class Worker:
    """A process, and the pipe to it.

    Attributes:
        tasks: given to it and not answered yet; it is at the first.
        is_up: it has loaded what it needs.
    """

    def __init__(self, context: SpawnContext, function: Callable[[Any], Any], limits: Limits) -> None:
        self.tasks: deque[Any] = deque()
        self.is_up = False
        self._limits, self._since = limits, time.monotonic()
        self.pipe, other = context.Pipe()
        self.process = context.Process(
            target=serve,
            args=(pickle.dumps(function), other, os.getpid(), limits.address_space),
            daemon=True,
        )
        self.process.start()
        other.close()

    def give(self, tasks: Sequence[Any], payload: Sequence[Any]) -> bool:
        """Hand tasks over, of which `payload` is sent; False if nobody is there any more."""
        try:
            self.pipe.send(list(payload))
        except OSError:
            return False
        self.tasks.extend(tasks)
        self._since = time.monotonic()
        return True

    def receive(self) -> tuple[bool, Any]:
        """What it has sent, and whether that is an answer: to the first of its tasks, which it is no longer at.

        Raises:
            EOFError, OSError: it has ended.
        """
        message = self.pipe.recv()
        self._since = time.monotonic()
        if message == UP and not self.is_up:
            self.is_up = True
            return False, None
        went_well, answer = message
        return True, answer if went_well else raised(answer)

    def excess(self) -> Fault | None:
        """What of its limits it has exceeded; None if it works as it should."""
        spent = time.monotonic() - self._since
        if not self.is_up:
            return out_of_time(Limits(_START_SECONDS)) if spent > _START_SECONDS else None
        if not self.tasks:
            return None
        if spent > self._limits.seconds:
            return out_of_time(self._limits)
        used = resident(self.process.pid or 0) if self._limits.resident is not None else 0
        return out_of_memory(self._limits, used) if used > (self._limits.resident or 0) else None

    def is_large(self) -> bool:
        """Whether it keeps so much memory that the next task is for a fresh one."""
        return not self.tasks and resident(self.process.pid or 0) > _LARGE

    def cause_of_end(self) -> Fault:
        """What a worker died of whose pipe is closed."""
        self.process.join(_GOING)
        return died(self.process.exitcode)

    def end(self) -> None:
        """Stop it, if it is still there."""
        self.process.kill()
        self.process.join(_GOING)
        with suppress(OSError):
            self.pipe.close()
