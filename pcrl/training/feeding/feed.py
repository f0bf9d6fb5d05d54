"""Batches on the device, ahead of the steps that take them, and how long the device waited for them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.engine.batch import Batch
from pcrl.engine.loading.loader import Loader
from pcrl.training.feeding.lanes import CudaLanes, Lanes, Mark
from pcrl.training.feeding.views import network_views
from pcrl.training.objectives.objective import Views

BUFFERS = 2
"""Batches on the device: one that is computed on, and one on its way."""
HELD = 2
"""Batches whose copies may be under way. More would keep the loader from its slots."""


class Fed(NamedTuple):
    """A batch, and its views on the device. Views are valid until the next one is asked for."""

    batch: Batch
    views: Views


class Feed(Protocol):
    """Where a trainer takes its batches from."""

    def __iter__(self) -> Iterator[Fed]:
        """Batches in order."""

    def waiting(self) -> float:
        """Share of the time since the last call in which the device had nothing to do, as its batch was not there."""


def feed_of(loader: Loader, device: torch.device, locals_too: bool) -> Feed:
    """The feed of a device.

    Args:
        locals_too: bring the local views; else there are none.
    """
    if device.type == "cuda":
        return QueuedFeed(loader, device, CudaLanes(device), locals_too)
    return DirectFeed(loader, locals_too)


class DirectFeed:
    """For a device that computes where batches lie: the host is held up by a step until it is done."""

    def __init__(self, loader: Loader, locals_too: bool) -> None:
        self._loader, self._locals_too = loader, locals_too
        self._since, self._waited = time.perf_counter(), 0.0

    def __iter__(self) -> Iterator[Fed]:
        """See `Feed`."""
        for batch in self._loader:
            yield Fed(batch, network_views(*_tensors(batch, self._locals_too)))

    def waiting(self) -> float:
        """See `Feed`."""
        now, waited = time.perf_counter(), self._loader.times.wait_batch
        share = (waited - self._waited) / (now - self._since)
        self._since, self._waited = now, waited
        return share


class QueuedFeed:
    """For a device that works through what the host queues: a batch is copied while the step before it is computed.

    The next batch is queued before the step is, if the loader has it, so that nothing that the host does meanwhile
    holds it up; else after. A slot of the loader goes back to it once its copy is done, and a buffer on the device is
    filled again once the step that read it is done; the host waits for neither, unless more than `HELD` copies are
    under way.

    Args:
        lanes: of the device, where work is queued.
    """

    def __init__(self, loader: Loader, device: torch.device, lanes: Lanes, locals_too: bool) -> None:
        self._loader, self._device, self._lanes, self._locals_too = loader, device, lanes, locals_too
        self._pauses: list[tuple[Mark, Mark]] = []  # end of a step, beginning of the next
        self._window: tuple[Mark | None, Mark | None] = (None, None)

    def __iter__(self) -> Generator[Fed, None, None]:
        """See `Feed`."""
        lanes, batches = self._lanes, self._loader.held()
        queue = _Queue(lanes, self._device, self._locals_too)
        end: Mark | None = None
        try:
            following = _next(batches, queue)
            while (current := following) is not None:
                lanes.computations_wait_for(current.copied)
                begin = lanes.computed()
                if end is not None:
                    self._pauses.append((end, begin))
                self._window = (self._window[0] or begin, begin)
                ahead = self._loader.has_next()
                following = _next(batches, queue) if ahead else None
                yield Fed(current.batch, network_views(*current.buffer.arrays))
                end = current.buffer.read = lanes.computed()
                if not ahead:
                    following = _next(batches, queue)
        finally:
            # Whoever leaves frees the slots: not while something is copied out of them.
            queue.wait()
            batches.close()

    def waiting(self) -> float:
        """See `Feed`. Waits for the beginning of the last step; ask where something waits for its end anyway."""
        first, last = self._window
        if first is None or last is None or first is last:
            return 0.0
        last.wait()
        share = sum(begin.since(end) for end, begin in self._pauses) / last.since(first)
        self._pauses, self._window = [], (last, last)
        return share


@dataclass(slots=True)
class _Buffer:
    """A batch's arrays on the device, and when the last step that reads them is done."""

    arrays: list[Tensor]
    read: Mark


class _Queued(NamedTuple):
    batch: Batch
    buffer: _Buffer
    copied: Mark


class _Queue:
    """Copies into buffers in turn, and gives slots back in order."""

    def __init__(self, lanes: Lanes, device: torch.device, locals_too: bool) -> None:
        self._lanes, self._device, self._locals_too = lanes, device, locals_too
        self._buffers: list[_Buffer] = []
        self._copying: deque[tuple[Mark, Batch]] = deque()
        self._count = 0

    def add(self, batch: Batch) -> _Queued:
        lanes = self._lanes
        arrays = _tensors(batch, self._locals_too)
        if not self._buffers:
            # All at once, before any step: and what was computed in that memory before must be done.
            both = [
                [torch.empty_like(array, device=self._device) for array in arrays] for _ in range(BUFFERS)
            ]
            self._buffers = [_Buffer(own, lanes.computed()) for own in both]
        buffer = self._buffers[self._count % BUFFERS]
        lanes.copies_wait_for(buffer.read)
        for to, array in zip(buffer.arrays, arrays, strict=True):
            lanes.copy(to, array)
        copied = lanes.copied()
        self._copying.append((copied, batch))
        self._count += 1
        _give_back(self._copying)
        return _Queued(batch, buffer, copied)

    def wait(self) -> None:
        """For all copies."""
        for mark, _ in self._copying:
            mark.wait()


def _next(batches: Iterator[Batch], queue: _Queue) -> _Queued | None:
    batch = next(batches, None)
    return None if batch is None else queue.add(batch)


def pinned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Page-locked memory, from which a GPU copies by itself while the host goes on."""
    array: NDArray[np.float32] = torch.empty(shape, dtype=torch.float32, pin_memory=True).numpy()
    return array


def _tensors(batch: Batch, locals_too: bool) -> list[Tensor]:
    """The arrays of a batch, where they lie."""
    arrays = batch.globals, batch.target, batch.locals[: None if locals_too else 0], batch.holes
    return [torch.from_numpy(array) for array in arrays]


def _give_back(copying: deque[tuple[Mark, Batch]]) -> None:
    """Give slots back in order, once they are copied."""
    while copying and (len(copying) > HELD or copying[0][0].reached()):
        mark, batch = copying.popleft()
        mark.wait()
        batch.release()
