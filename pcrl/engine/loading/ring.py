"""The ring: threads that render samples straight into the slots of a ring, in an order that is known beforehand.

Threads, not processes: kernels and codecs release the GIL, so nothing is pickled or copied between processes. A slot
is refilled only after its batch was released, and a batch is released only after its copy to the GPU has finished.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.cores import usable_cores
from pcrl.engine.batch import Allocate, Batch, Renderer, SampleSlot, StageTimes, arrays
from pcrl.engine.cache.chunks.files import BLOCK
from pcrl.engine.loading.making import make
from pcrl.engine.loading.order import Order

BATCHES_AHEAD = 4
"""Batches whose files are opened and read before threads come to them."""
READERS = 4
"""Threads that read ahead: together they make up for the latency of a network file system."""
LEAVING = 10.0
"""Seconds that are waited for threads when the ring is left."""
FEW_GROUPS = 16
"""Files that are read ahead even if all of them are open at a time."""


@dataclass(slots=True)
class Times(StageTimes):
    """Seconds spent since the start, summed over threads; the consumer's wait is its own.

    Args:
        wait_slot: no slot of the ring was free: batches are taken slower than they are made.
        wait_batch: the consumer waited for a batch.
    """

    wait_slot: float = 0.0
    wait_batch: float = 0.0
    samples: int = 0


@dataclass
class _Slot:
    globals: NDArray[np.float32]
    target: NDArray[np.float32]
    locals: NDArray[np.float32]
    holes: NDArray[np.int32]
    keys: NDArray[np.uint64]
    cases: list[str] = field(default_factory=list)
    batch: int = -1
    missing: int = 0
    fallbacks: int = 0
    skipped: list[tuple[int, tuple[tuple[str, str], ...]]] = field(default_factory=list)
    """By the position in the batch, so that their order is that of the samples."""


class Ring:
    """Batches of all epochs, one after the other, from a position on; `pcrl.engine.loading.loader` is its face.

    Use as a context manager, once: leaving it, however, ends all threads.

    Args:
        renderer: makes the samples.
        threads: 0 for as many as there are cores that this process may use, shared with the other ranks of the machine.
        start: epoch and step to begin with.
        epochs: the epoch to end before; none for those of the recipe.
        allocate: makes a slot's arrays; page-locked memory for a GPU. Plain NumPy by default.
    """

    def __init__(
        self,
        renderer: Renderer,
        order: Order,
        *,
        threads: int = 0,
        start: tuple[int, int] = (0, 0),
        epochs: int | None = None,
        allocate: Allocate | None = None,
    ) -> None:
        self.renderer, self.order = renderer, order
        self.times = Times()
        training = renderer.recipe.training
        self.first = start[0] * order.steps + start[1]
        self.last = (training.epochs if epochs is None else epochs) * order.steps
        self._slots = [
            _Slot(
                *arrays(renderer.recipe, order.local_batch, allocate or (lambda s: np.empty(s, np.float32))),
                np.zeros(order.local_batch, np.uint64),
            )
            for _ in range(training.ahead + 2)
        ]
        self._changed = threading.Condition()
        self._taken = self.first  # the next batch to be given out
        self._next = (self.first, 0)  # the next sample to render: batch, position in it
        self._released = self.first  # batches before this one have been given back
        self._ahead = self.first  # the next batch whose files are to be read ahead
        self._upcoming: deque[int] = deque()  # groups of earlier batches that no reader has taken yet
        self._read_in: dict[int, int] = {}  # group → epoch in which a reader was last sent to it
        self._epochs: dict[
            int, tuple[NDArray[np.int64], NDArray[np.int64]]
        ] = {}  # own samples, all of the machine's
        self._failure: BaseException | None = None
        self._closing = False
        count = threads or max(1, usable_cores() // order.local_world)
        self._threads = [
            threading.Thread(target=self._work, name=f"pcrl-loader-{i}", daemon=True) for i in range(count)
        ]
        self._threads += [
            threading.Thread(target=self._read_ahead, name=f"pcrl-ahead-{i}", daemon=True)
            for i in range(READERS)
        ]

    def __enter__(self) -> Ring:
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        # One that waits for storage that does not answer is left behind; as a daemon it ends with the process.
        until = time.monotonic() + LEAVING
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def __iter__(self) -> Iterator[Batch]:
        """Batches in order; each must be released before the ring comes round to it again.

        Raises:
            LoaderError: a sample could not be made.
        """
        for number in range(self.first, self.last):
            self._taken = number + 1
            yield self._batch(number)

    def has_next(self) -> bool:
        """Whether the next batch is there already."""
        slot = self._slots[self._taken % len(self._slots)]
        with self._changed:
            return self._taken < self.last and slot.batch == self._taken and slot.missing == 0

    def _batch(self, number: int) -> Batch:
        slot = self._slots[number % len(self._slots)]
        before = time.perf_counter()
        with self._changed:
            while not (slot.batch == number and slot.missing == 0):
                if self._failure is not None:
                    raise self._failure
                self._changed.wait()
        self.times.wait_batch += time.perf_counter() - before
        epoch, step = divmod(number, self.order.steps)

        def release() -> None:
            with self._changed:
                # Batches come and are given back in order.
                self._released = max(self._released, number + 1)
                self._changed.notify_all()

        skipped = tuple(one for _, those in sorted(slot.skipped) for one in those)
        return Batch(
            epoch, step, slot.globals, slot.target, slot.locals, slot.holes, slot.keys.copy(), list(slot.cases),
            slot.fallbacks, release, skipped,
        )  # fmt: skip

    def _work(self) -> None:
        try:
            workspace = self.renderer.workspace()
            while (task := self._take()) is not None:
                self._make(*task, workspace)
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """An error of a thread goes to the one that consumes, and is raised there; all others end."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _read_ahead(self) -> None:
        """Open files and read them before their samples are due: storage is waited for here, not by a worker.

        A file is read whole, once an epoch: where many samples of it are near each other, that is less than the chunks
        under them. Of several ranks on a machine one reads it, for all of them.
        """
        near = self.order.window > 0 or len(self.order.groups) <= FEW_GROUPS
        try:
            block = bytearray(BLOCK) if near else None
            while (group := self._take_ahead()) is not None:
                # What cannot be read is named by the worker that comes to it.
                with suppress(Exception):
                    self.renderer.read_ahead(group, block if self.order.reads(group) else None)
        except BaseException as error:
            self._fail(error)

    def _take_ahead(self) -> int | None:
        """The next group that a batch will need soon. None: there is nothing left to do."""
        with self._changed:
            while not self._upcoming:
                if self._closing or self._failure is not None or self._ahead >= self.last:
                    return None
                if self._ahead < self._released + len(self._slots) + BATCHES_AHEAD:
                    epoch, step = divmod(self._ahead, self.order.steps)
                    for group in self.order.groups_of(self._samples(epoch)[1][step]):
                        if self._read_in.get(group) != epoch:
                            self._read_in[group] = epoch
                            self._upcoming.append(group)
                    self._ahead += 1
                else:
                    self._changed.wait()
            return self._upcoming.popleft()

    def _take(self) -> tuple[int, int, int, _Slot] | None:
        """The next sample to render and where; waits until its slot is free. None: there is nothing left to do."""
        before = time.perf_counter()
        with self._changed:
            while True:
                number, position = self._next
                if self._closing or self._failure is not None or number >= self.last:
                    return None
                if number < self._released + len(self._slots):
                    break
                self._changed.wait()
            self.times.wait_slot += time.perf_counter() - before
            slot = self._slots[number % len(self._slots)]
            if position == 0:
                slot.batch, slot.missing, slot.fallbacks = number, self.order.local_batch, 0
                slot.cases, slot.skipped = [""] * self.order.local_batch, []
            epoch, step = divmod(number, self.order.steps)
            sample = int(self._samples(epoch)[0][step, position])
            last = position + 1 == self.order.local_batch
            self._next = (number + 1, 0) if last else (number, position + 1)
        return number, position, sample, slot

    def _samples(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of an epoch: this rank's samples, and those of all ranks of this machine."""
        if epoch not in self._epochs:
            whole = self.order.whole(epoch)
            # Workers may still be in the epoch before this one.
            kept = {e: samples for e, samples in self._epochs.items() if e >= epoch - 1}
            self._epochs = kept | {epoch: (self.order.own(whole), self.order.here(whole))}
        return self._epochs[epoch]

    def _make(self, number: int, position: int, sample: int, slot: _Slot, workspace: Any) -> None:
        to = SampleSlot(slot.globals, slot.target, slot.locals, slot.holes, position)
        made = make(self.renderer, self.order, number // self.order.steps, sample, workspace, to)
        with self._changed:
            slot.keys[position], slot.cases[position] = made.key, made.case
            slot.fallbacks += made.is_fallback
            if made.skipped:
                slot.skipped.append((position, made.skipped))
            for stage in fields(StageTimes):
                spent = getattr(made.spent, stage.name)
                setattr(self.times, stage.name, getattr(self.times, stage.name) + spent)
            self.times.samples += 1
            slot.missing -= 1
            if slot.missing == 0:
                self._changed.notify_all()
