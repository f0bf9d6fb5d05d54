"""How fast a cache feeds training on this machine: samples a second, and where the time goes."""

from __future__ import annotations

import os
import time
from copy import copy
from dataclasses import dataclass, fields

import numpy as np

from pcrl.engine.batch import Renderer, StageTimes
from pcrl.engine.loading.order import Order
from pcrl.engine.loading.ring import Ring, Times
from pcrl.kernels.streams import sample_key

STAGES = tuple(stage.name for stage in fields(StageTimes))
_WARM_UP_SECONDS = 1.0
_ENDLESS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """What some threads reach.

    Args:
        samples: a second, over all threads.
        stages: milliseconds a sample and thread, by name.
    """

    threads: int
    samples: float
    stages: dict[str, float]


@dataclass(frozen=True, slots=True)
class Paced:
    """How loading keeps up with steps of a given time.

    Args:
        samples: a second.
        waiting: share of the time for which the GPU waited for a batch, after the first one.
        first: seconds until the first batch.
        idle: share of the threads' time for which no slot was free: they were faster than the GPU.
        megabytes: of the cache's files, a second of the whole epoch; what cold storage had to give.
    """

    samples: float
    waiting: float
    first: float
    idle: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Reads:
    """What one sample takes from storage, on average.

    Args:
        chunks: compressed chunks under its views.
        bytes: of these.
        sequential: bytes, if every file is read once an epoch from beginning to end, as is done where it is cold.
    """

    chunks: float
    bytes: float
    sequential: float


def rate(renderer: Renderer, threads: int, seconds: float) -> Rate:
    """Load batches for some seconds, as training would, and throw them away."""
    training = renderer.recipe.training
    order = Order.of(renderer.groups, training)
    # As many epochs as can be loaded in any time.
    with Ring(renderer, order, threads=threads, epochs=_ENDLESS) as loader:
        batches = iter(loader)
        begun = time.perf_counter()
        while time.perf_counter() < begun + _WARM_UP_SECONDS:
            next(batches).release()
        before, begun, count = copy(loader.times), time.perf_counter(), 0
        while time.perf_counter() < begun + seconds:
            next(batches).release()
            count += training.batch_size
        passed, after = time.perf_counter() - begun, copy(loader.times)
    spent = {f.name: getattr(after, f.name) - getattr(before, f.name) for f in fields(Times)}
    made = max(1, spent["samples"])
    return Rate(threads, count / passed, {name: 1e3 * spent[name] / made for name in STAGES})


def paced(
    renderer: Renderer,
    threads: int,
    step_seconds: float,
    *,
    cold: bool = False,
    seconds: float = float("inf"),
) -> Paced:
    """Load up to one epoch for a GPU that takes `step_seconds` a step; 0 takes batches as they come.

    Args:
        cold: let the system forget the cache's files first.
        seconds: after these it ends.
    """
    files = renderer.files
    if cold:
        for file in files:
            _forget(file)
    order = Order.of(renderer.groups, renderer.recipe.training)
    with Ring(renderer, order, threads=threads) as loader:
        batches, begun = iter(loader), time.perf_counter()
        steps = 0
        batch = next(batches)
        first = time.perf_counter() - begun
        while True:
            time.sleep(step_seconds)
            batch.release()
            steps += 1
            if steps == order.steps or time.perf_counter() > begun + seconds:
                break
            batch = next(batches)
        passed = time.perf_counter() - begun
        waited, idle = loader.times.wait_batch - first, loader.times.wait_slot
    size = sum(file.stat().st_size for file in files) * steps / order.steps
    after = max(1e-9, passed - first)
    return Paced(
        steps * order.batch_size / passed,
        # The first wait was measured from outside, and is a little longer than what the ring counts.
        max(0.0, waited) / after,
        first,
        idle / (passed * threads),
        size / passed / 1e6,
    )


def _forget(file: os.PathLike[str]) -> None:
    """Take a file out of the system's memory; the pages of a file that was just written have to be on disk for that."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def reads(renderer: Renderer, samples: int = 200) -> Reads:
    """Draw samples and count what they ask for."""
    every = max(1, sum(renderer.groups) // samples)
    asked = [
        renderer.read_cost(sample_key(renderer.recipe.training.seed, 0, sample), sample)
        for sample in range(0, sum(renderer.groups), every)
    ]
    chunks, size = np.mean(asked, axis=0).tolist()
    return Reads(chunks, size, sum(file.stat().st_size for file in renderer.files) / sum(renderer.groups))
