"""A pool of workers, each with a pipe of its own: one that dies takes down the task it was at, and nothing else.

Neither `concurrent.futures` does that, whose pool breaks as a whole, nor do pools whose workers share a queue, such as
pebble's: one that dies while it holds the queue's lock stops all others.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from typing import Generic, TypeVar

from pcrl.workers.fault import Fault
from pcrl.workers.limits import Limits
from pcrl.workers.queue import Queue
from pcrl.workers.worker import Worker

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOOK_EVERY = 0.05
"""Seconds between looks at what busy workers use."""
_STARTS = 3
"""Workers one after the other that may end before they are up, once there was one that did not."""


class Workers(Generic[Task, Result]):
    """Workers that do tasks until the block ends, however it ends; then they are gone.

        with Workers(function, 4, Limits(60.0)) as workers:
            for task, result in workers.run(tasks):

    Args:
        function: of a module, called in a worker with a task; what it gives can be pickled.
        count: how many work at a time. They are started when they are needed.
        together: tasks that are handed over at a time: to hand over single ones costs as much as to read a header.
    """

    def __init__(
        self, function: Callable[[Task], Result], count: int, limits: Limits, together: int = 1
    ) -> None:
        self._function, self._count, self._limits, self._together = function, count, limits, together
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[Worker] = []
        self._failed_starts, self._was_up, self._looked = 0, False, 0.0

    def __enter__(self) -> Workers[Task, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def call(self, task: Task) -> Result | Fault:
        """Do one task, and wait for it."""
        ((_, result),) = self.run([task])
        return result

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Fault]]:
        """Do tasks; each comes back, as soon as it is done, with its result or with what went wrong.

        Raises:
            RuntimeError: no worker can be started.
        """
        for (_, task), result in self._run(Queue(tasks)):
            yield task, result

    def in_order(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Fault]]:
        """As `run`, each task in its turn."""
        early: dict[int, tuple[Task, Result | Fault]] = {}
        due = 0
        for (number, task), result in self._run(Queue(tasks)):
            early[number] = (task, result)
            while due in early:
                yield early.pop(due)
                due += 1

    def _run(self, queue: Queue[Task]) -> Iterator[tuple[tuple[int, Task], Result | Fault]]:
        # Of a round that was left in the middle, answers may still come.
        for worker in [worker for worker in self._workers if worker.tasks]:
            self._remove(worker)
        while self._hand_out(queue):
            ready = wait([w.pipe for w in self._workers], timeout=_LOOK_EVERY)
            for worker in [w for w in self._workers if w.pipe in ready]:
                try:
                    is_answer, answer = worker.receive()
                except (EOFError, OSError):
                    yield from self._lost(worker, queue, worker.cause_of_end())
                    continue
                self._failed_starts, self._was_up = 0, True
                if is_answer:
                    yield worker.tasks.popleft(), answer
                    if worker.is_large():
                        self._remove(worker)
            if time.monotonic() - self._looked > _LOOK_EVERY:
                for worker in list(self._workers):
                    if (fault := worker.excess()) is not None:
                        yield from self._lost(worker, queue, fault)
                self._looked = time.monotonic()

    def _hand_out(self, queue: Queue[Task]) -> bool:
        """Give workers something to do, and start those that are needed; False if all is done."""
        for worker in [w for w in self._workers if w.is_up and not w.tasks]:
            group = queue.take(self._together, is_quiet=not any(w.tasks for w in self._workers))
            if group and not worker.give(group, [task for _, task in group]):
                queue.put_back(group)
                self._remove(worker)
        busy = sum(bool(w.tasks) for w in self._workers)
        waiting = -(-queue.waiting(self._count * self._together) // self._together)
        if not busy and not waiting:
            waiting = queue.is_left()
        while len(self._workers) < min(self._count, busy + waiting):
            self._workers.append(Worker(self._context, self._function, self._limits))
        return bool(busy or waiting)

    def _lost(
        self, worker: Worker, queue: Queue[Task], fault: Fault
    ) -> Iterator[tuple[tuple[int, Task], Result | Fault]]:
        """What becomes of the tasks of a worker that is no more: the one that it was at is to blame."""
        self._remove(worker)
        if not worker.is_up:
            self._failed_starts += 1
            if not self._was_up or self._failed_starts >= _STARTS:
                raise RuntimeError(
                    "no process that reads files could start: their errors are above. A script calls this below "
                    '`if __name__ == "__main__":`'
                )
        if worker.tasks:
            at = worker.tasks.popleft()
            queue.put_back(list(worker.tasks))
            if not (fault.is_stopped_by_others and queue.once_more(at)):
                yield at, fault

    def _remove(self, worker: Worker) -> None:
        worker.end()
        self._workers.remove(worker)
