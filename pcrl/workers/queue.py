"""Tasks that are waiting for a worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

Task = TypeVar("Task")


class Queue(Generic[Task]):
    """Tasks with their numbers, in order; some of them come back.

    Args:
        tasks: taken as they are needed.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._left: Iterator[tuple[int, Task]] = enumerate(tasks)
        self._next: deque[tuple[int, Task]] = deque()
        self._doubtful: deque[tuple[int, Task]] = deque()
        self._tried: set[int] = set()

    def waiting(self, most: int) -> int:
        """How many tasks are waiting, counted no further than `most`."""
        self._next.extend(islice(self._left, max(0, most - len(self._next))))
        return min(most, len(self._next))

    def take(self, count: int, is_quiet: bool) -> list[tuple[int, Task]]:
        """The next tasks, up to `count`; if there are none and nobody is at work, one that is tried once more."""
        group = [self._next.popleft() for _ in range(self.waiting(count))]
        return [self._doubtful.popleft()] if not group and is_quiet and self._doubtful else group

    def is_left(self) -> bool:
        """Whether a task is to be tried once more."""
        return bool(self._doubtful)

    def put_back(self, tasks: Sequence[tuple[int, Task]]) -> None:
        """Tasks that nobody came to."""
        self._next.extendleft(reversed(tasks))

    def once_more(self, task: tuple[int, Task]) -> bool:
        """Let a task be tried once more, when all others are done; False if it was already."""
        if task[0] in self._tried:
            return False
        self._tried.add(task[0])
        self._doubtful.append(task)
        return True
