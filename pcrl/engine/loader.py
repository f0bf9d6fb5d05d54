"""The loader: threads that render samples straight into the slots of a ring, in an order that is known beforehand.

Threads, not processes: kernels and codecs release the GIL, so nothing is pickled or copied between processes. A slot
is refilled only after its batch was released, and a batch is released only after its copy to the GPU has finished.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Size, TissueRule, VolumeRecipe
from pcrl.engine.cache.cache import CachedCase
from pcrl.engine.cache.files import BLOCK
from pcrl.engine.order import Order
from pcrl.engine.render import SPARE_CASES, Place, Renderer, Workspace
from pcrl.engine.views import plan_views, sample_key

BATCHES_AHEAD = 4
"""Batches whose cases are opened, and whose files are read, before threads come to them."""
READERS = 4
"""Threads that read ahead: together they make up for the latency of a network file system."""
Allocate = Callable[[tuple[int, ...]], NDArray[np.float32]]


class LoaderError(RuntimeError):
    """A sample that could not be made; the message names the case."""


@dataclass
class Batch:
    """One step's samples. The arrays are valid until `release` is called.

    Args:
        globals: (2, batch, 1, z, y, x) float32: the two corrupted global views.
        target: (batch, 1, z, y, x) float32 in [0, 1]: view 1 before corruption.
        locals: (locals, batch, 1, z, y, x) float32.
        cases: data set and name of each sample's case.
        fallbacks: samples for which the best of the allowed draws was taken, as none met all rules.
    """

    epoch: int
    step: int
    globals: NDArray[np.float32]
    target: NDArray[np.float32]
    locals: NDArray[np.float32]
    cases: list[str]
    fallbacks: int
    release: Callable[[], None]


@dataclass
class Times:
    """Seconds spent since the start, summed over threads; the consumer's wait is its own.

    Args:
        plan: drawing of boxes; opening of cases that are not open yet.
        read: finding chunks, waiting for their bytes, and checking those. A map is read when its bytes are first looked
            at, so that storage is partly waited for in `decode` there.
        decode: decompressing and copying of chunks.
        gather: crop, resize, flip and affine.
        corrupt: blur, noise, gamma, swaps, z-normalisation.
        wait_slot: no slot of the ring was free: batches are taken slower than they are made.
        wait_batch: the consumer waited for a batch.
    """

    plan: float = 0.0
    read: float = 0.0
    decode: float = 0.0
    gather: float = 0.0
    corrupt: float = 0.0
    wait_slot: float = 0.0
    wait_batch: float = 0.0
    samples: int = 0


@dataclass
class _Slot:
    globals: NDArray[np.float32]
    target: NDArray[np.float32]
    locals: NDArray[np.float32]
    cases: list[str] = field(default_factory=list)
    batch: int = -1
    missing: int = 0
    fallbacks: int = 0


class Loader:
    """Batches of all epochs, one after the other, from a position on.

    Use as a context manager: leaving it, however, ends all threads.

    Args:
        cases: in the order that numbers the samples.
        tissue_rules: the rule of each case.
        threads: 0 for as many as there are cores that this process may use.
        allocate: makes a slot's arrays; page-locked memory for a GPU. Plain NumPy by default.
    """

    def __init__(
        self,
        cases: Sequence[CachedCase],
        tissue_rules: Sequence[TissueRule],
        recipe: VolumeRecipe,
        order: Order,
        *,
        threads: int = 0,
        start: tuple[int, int] = (0, 0),
        allocate: Allocate | None = None,
    ) -> None:
        self.cases, self.rules, self.recipe, self.order = list(cases), list(tissue_rules), recipe, order
        self.times = Times()
        self.first = start[0] * order.steps + start[1]
        self.last = recipe.training.epochs * order.steps
        self._renderer = Renderer(self.cases, recipe)
        self._slots = [
            self._slot(allocate or (lambda shape: np.empty(shape, np.float32)))
            for _ in range(recipe.training.ahead + 2)
        ]
        self._changed = threading.Condition()
        self._next = (self.first, 0)  # the next sample to render: batch, position in it
        self._released = self.first  # batches before this one have been given back
        self._ahead = self.first  # the next batch whose cases are to be read ahead
        self._wanted: deque[int] = deque()  # cases of earlier batches that no reader has taken yet
        self._read_in: dict[int, int] = {}  # case → epoch in which a reader was last sent to it
        self._epoch_samples: dict[int, NDArray[np.int64]] = {}
        self._failure: BaseException | None = None
        self._closing = False
        count = threads or _usable_cores()
        self._threads = [
            threading.Thread(target=self._work, name=f"pcrl-loader-{i}", daemon=True) for i in range(count)
        ]
        self._threads += [
            threading.Thread(target=self._read_ahead, name=f"pcrl-ahead-{i}", daemon=True)
            for i in range(READERS)
        ]

    def __enter__(self) -> Loader:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[Batch]:
        """Batches in order; each must be released before the ring comes round to it again.

        Raises:
            LoaderError: a sample could not be made.
        """
        for number in range(self.first, self.last):
            yield self._batch(number)

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

        return Batch(
            epoch, step, slot.globals, slot.target, slot.locals, list(slot.cases), slot.fallbacks, release
        )

    def _work(self) -> None:
        workspace = self._renderer.workspace()
        try:
            while (task := self._take()) is not None:
                number, position, sample, slot = task
                fallback = self._make(number, position, sample, slot, workspace)
                with self._changed:
                    slot.missing -= 1
                    slot.fallbacks += fallback
                    if slot.missing == 0:
                        self._changed.notify_all()
        except BaseException as error:  # carried to the thread that consumes, and raised there
            with self._changed:
                self._failure = self._failure or error
                self._changed.notify_all()

    def _read_ahead(self) -> None:
        """Open cases and read their files before their samples are due: storage is waited for here, not by a worker.

        A file is read whole, once an epoch: where many samples of a case are near each other, that is less than the
        chunks under them.
        """
        block = bytearray(BLOCK)
        near = self.order.window > 0 or self.order.cases <= SPARE_CASES
        while (index := self._take_ahead()) is not None:
            # A case that cannot be read is named by the worker that comes to it.
            with suppress(Exception):
                opened = self._renderer.case(index)
                if near:
                    opened.boxes.file.read_ahead(block)

    def _take_ahead(self) -> int | None:
        """The next case that a batch will need soon. None: there is nothing left to do."""
        with self._changed:
            while not self._wanted:
                if self._closing or self._failure is not None or self._ahead >= self.last:
                    return None
                if self._ahead < self._released + len(self._slots) + BATCHES_AHEAD:
                    epoch, step = divmod(self._ahead, self.order.steps)
                    for case in (self._samples(epoch)[step] // self.order.samples_per_case).tolist():
                        if self._read_in.get(case) != epoch:
                            self._read_in[case] = epoch
                            self._wanted.append(case)
                    self._ahead += 1
                else:
                    self._changed.wait()
            return self._wanted.popleft()

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
                slot.cases = [""] * self.order.local_batch
            epoch, step = divmod(number, self.order.steps)
            sample = int(self._samples(epoch)[step, position])
            case = self.cases[sample // self.order.samples_per_case]
            slot.cases[position] = f"{case.dataset}/{case.name}"
            last = position + 1 == self.order.local_batch
            self._next = (number + 1, 0) if last else (number, position + 1)
        return number, position, sample, slot

    def _samples(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._epoch_samples:
            # Workers may still be in the epoch before this one.
            kept = {e: samples for e, samples in self._epoch_samples.items() if e >= epoch - 1}
            self._epoch_samples = kept | {epoch: self.order.epoch(epoch)}
        return self._epoch_samples[epoch]

    def _make(self, number: int, position: int, sample: int, slot: _Slot, workspace: Workspace) -> bool:
        index = sample // self.order.samples_per_case
        case = self.cases[index]
        try:
            start = time.perf_counter()
            opened = self._renderer.case(index)
            plan = plan_views(
                sample_key(self.order.seed, number // self.order.steps, sample),
                opened.shape,
                opened.tissues,
                self.rules[index],
                self.recipe.views,
                self.recipe.corruption,
            )
            planned = time.perf_counter()
            region = self._renderer.read(index, plan, workspace)
            read = time.perf_counter()
            decoding = workspace.scratch.share_of_decoding()
            outputs = [
                slot.globals[0, position, 0],
                slot.globals[1, position, 0],
                *slot.locals[:, position, 0],
            ]
            before = workspace.gather_seconds, workspace.corrupt_seconds
            self._renderer.render(index, plan, region, workspace, Place(outputs, slot.target[position, 0]))
        except Exception as error:
            raise LoaderError(f"case {case.dataset}/{case.name} ({case.folder}): {error}") from error
        with self._changed:
            self.times.plan += planned - start
            self.times.read += (read - planned) * (1 - decoding)
            self.times.decode += (read - planned) * decoding
            self.times.gather += workspace.gather_seconds - before[0]
            self.times.corrupt += workspace.corrupt_seconds - before[1]
            self.times.samples += 1
        return plan.fallback

    def _slot(self, allocate: Allocate) -> _Slot:
        batch, views = self.order.local_batch, self.recipe.views

        def array(*before: int, shape: Size) -> NDArray[np.float32]:
            return allocate((*before, 1, *shape))

        return _Slot(
            globals=array(2, batch, shape=views.global_shape),
            target=array(batch, shape=views.global_shape),
            locals=array(views.locals, batch, shape=views.local_shape),
        )


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0))
