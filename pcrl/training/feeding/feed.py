"""Batches on the device, ahead of the steps that take them, and how long the device waited for them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
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
            yield Fed(
                batch, network_views(*(torch.from_numpy(array) for array in _arrays(batch, self._locals_too)))
            )

    def waiting(self) -> float:
        """See `Feed`."""
        now, waited = time.perf_counter(), self._loader.times.wait_batch
        share = (waited - self._waited) / (now - self._since)
        self._since, self._waited = now, waited
        return share


class QueuedFeed:
    """For a device that works through what the host queues: a batch is copied while the step before it is computed.

    A slot of the loader goes back to it once its copy is done, and a buffer on the device is filled again once the
    step that read it is done; the host waits for neither, unless more than `HELD` copies are under way.

    Args:
        lanes: of the device, where work is queued.
    """

    def __init__(self, loader: Loader, device: torch.device, lanes: Lanes, locals_too: bool) -> None:
        self._loader, self._device, self._lanes, self._locals_too = loader, device, lanes, locals_too
        self._buffers: list[list[Tensor]] = []
        self._pauses: list[tuple[Mark, Mark]] = []  # end of a step, beginning of the next
        self._window: tuple[Mark | None, Mark | None] = (None, None)

    def __iter__(self) -> Generator[Fed, None, None]:
        """See `Feed`."""
        lanes = self._lanes
        copying: deque[tuple[Mark, Batch]] = deque()
        read: list[Mark | None] = [None] * BUFFERS
        end: Mark | None = None
        try:
            for number, batch in enumerate(self._loader.held()):
                arrays = [torch.from_numpy(array) for array in _arrays(batch, self._locals_too)]
                place = number % BUFFERS
                if len(self._buffers) < BUFFERS:
                    self._buffers.append([torch.empty_like(array, device=self._device) for array in arrays])
                if (reader := read[place]) is not None:
                    lanes.copies_wait_for(reader)
                for to, array in zip(self._buffers[place], arrays, strict=True):
                    lanes.copy(to, array)
                copied = lanes.copied()
                copying.append((copied, batch))
                _give_back(copying)
                lanes.computations_wait_for(copied)
                begin = lanes.computed()
                if end is not None:
                    self._pauses.append((end, begin))
                self._window = (self._window[0] or begin, begin)
                yield Fed(batch, network_views(*self._buffers[place]))
                end = read[place] = lanes.computed()
        finally:
            # Whoever leaves frees the slots: not while something is copied out of them.
            for mark, _ in copying:
                mark.wait()

    def waiting(self) -> float:
        """See `Feed`. Waits for the beginning of the last step; ask where something waits for its end anyway."""
        first, last = self._window
        if first is None or last is None or first is last:
            return 0.0
        last.wait()
        share = sum(begin.since(end) for end, begin in self._pauses) / last.since(first)
        self._pauses, self._window = [], (last, last)
        return share


def pinned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Page-locked memory, from which a GPU copies by itself while the host goes on."""
    array: NDArray[np.float32] = torch.empty(shape, dtype=torch.float32, pin_memory=True).numpy()
    return array


def _arrays(batch: Batch, locals_too: bool) -> tuple[NDArray[np.generic], ...]:
    return batch.globals, batch.target, batch.locals[: None if locals_too else 0], batch.holes


def _give_back(copying: deque[tuple[Mark, Batch]]) -> None:
    """Give slots back in order, once they are copied."""
    while copying and (len(copying) > HELD or copying[0][0].reached()):
        mark, batch = copying.popleft()
        mark.wait()
        batch.release()
