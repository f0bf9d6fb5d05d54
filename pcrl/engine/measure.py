"""How fast a cache feeds training on this machine: samples a second, and where the time goes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields

import numpy as np

from pcrl.config import TissueRule, VolumeRecipe
from pcrl.engine.cache.cache import CachedCase
from pcrl.engine.loader import Loader, Times
from pcrl.engine.order import Order
from pcrl.engine.render import Renderer
from pcrl.engine.views import plan_views, sample_key
from pcrl.kernels.decode import MISSING

STAGES = ("plan", "read", "gather", "corrupt")
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
class Reads:
    """What one sample takes from storage, on average: compressed chunks, and their bytes."""

    chunks: float
    bytes: float


def rate(
    cases: Sequence[CachedCase],
    rules: Sequence[TissueRule],
    recipe: VolumeRecipe,
    threads: int,
    seconds: float,
) -> Rate:
    """Load batches for some seconds, as training would, and throw them away."""
    # As many epochs as can be loaded in any time.
    training = recipe.training.model_copy(update={"epochs": _ENDLESS})
    endless = recipe.model_copy(update={"training": training})
    with Loader(cases, rules, endless, Order.of(len(cases), training), threads=threads) as loader:
        batches = iter(loader)
        begun = time.perf_counter()
        while time.perf_counter() < begun + _WARM_UP_SECONDS:
            next(batches).release()
        before, begun, count = copy(loader.times), time.perf_counter(), 0
        while time.perf_counter() < begun + seconds:
            next(batches).release()
            count += recipe.training.batch_size
        passed, after = time.perf_counter() - begun, copy(loader.times)
    spent = {f.name: getattr(after, f.name) - getattr(before, f.name) for f in fields(Times)}
    made = max(1, spent["samples"])
    return Rate(threads, count / passed, {name: 1e3 * spent[name] / made for name in STAGES})


def cold_rate(
    cases: Sequence[CachedCase], rules: Sequence[TissueRule], recipe: VolumeRecipe, threads: int
) -> tuple[float, float]:
    """Samples a second over one epoch of a cache of which nothing is in memory, and megabytes read a second."""
    files = [case.store.image_table(case.folder).file for case in cases]
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    order = Order.of(len(cases), recipe.training)
    with Loader(cases, rules, recipe, order, threads=threads) as loader:
        batches, begun = iter(loader), time.perf_counter()
        for _ in range(order.steps):
            next(batches).release()
        passed = time.perf_counter() - begun
    size = sum(file.stat().st_size for file in files)
    return order.steps * order.batch_size / passed, size / passed / 1e6


def reads(
    cases: Sequence[CachedCase], rules: Sequence[TissueRule], recipe: VolumeRecipe, samples: int = 200
) -> Reads:
    """Draw samples and count the chunks under their views."""
    renderer = Renderer(cases, recipe)
    chunks, size = 0, 0
    for number in range(samples):
        index = number % len(cases)
        opened = renderer.case(index)
        key = sample_key(recipe.training.seed, 0, number)
        plan = plan_views(key, opened.shape, opened.tissues, rules[index], recipe.views, recipe.corruption)
        table = opened.boxes.table
        touched = np.zeros(table.offsets.shape[1:], bool)
        for view in plan.views:
            spans = zip(view.box.start, view.box.stop, table.chunk[1:], strict=True)
            touched[tuple(slice(max(0, a) // c, max(0, -(-b // c))) for a, b, c in spans)] = True
        touched &= table.offsets[plan.channel] != MISSING
        chunks += int(touched.sum())
        size += int(table.sizes[plan.channel][touched].sum())
    return Reads(chunks / samples, size / samples)
