"""Batches made by threads, a few ahead of the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AHEAD = 4
"""Batches under way before they are asked for."""
Part = TypeVar("Part")


def ahead(pool: ThreadPoolExecutor, batches: Iterable[Sequence[Callable[[], Part]]]) -> Iterator[list[Part]]:
    """The parts of every batch, in order; what comes is the same for any number of threads.

    Args:
        batches: for each batch, what makes its parts.
    """
    waiting: deque[list[Future[Part]]] = deque()
    todo = iter(batches)
    try:
        while True:
            while len(waiting) < AHEAD and (makers := next(todo, None)) is not None:
                waiting.append([pool.submit(maker) for maker in makers])
            if not waiting:
                return
            yield [future.result() for future in waiting.popleft()]
    finally:
        for batch in waiting:
            for future in batch:
                future.cancel()
