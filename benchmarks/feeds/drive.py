"""Training steps on what a feed gives, for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from stepping.rows import Row
from stepping.steps import stepper_of
from stepping.timing import durations, finish
from stepping.work import work_of

from pcrl.config import Recipe
from pcrl.training.feeding.feed import feed_of, pinned
from pcrl.training.objectives.objective import Keys, Moment, Views

WARM_UP = 4
"""Steps before time is taken."""
LOGGED = 10
"""The host waits for the device after so many steps, as it does where a line is logged."""


@dataclass(frozen=True, slots=True)
class Driven:
    """How fast steps followed each other.

    Args:
        seconds: a step.
        waiting: share of the time in which the device waited, as pcrl's trainer logs it; none for other feeds.
    """

    batch: int
    seconds: float
    waiting: float | None

    @property
    def samples(self) -> float:
        """A second."""
        return self.batch / self.seconds


class Driver:
    """One network and its step, for all feeds.

    Args:
        compiled: the forward passes are.
    """

    def __init__(self, recipe: Recipe, device: torch.device, compiled: bool) -> None:
        self.recipe, self.device, self.compiled = recipe, device, compiled
        self.batch = recipe.training.batch_size
        row = Row("", cycling=True, compiled=compiled)
        torch.backends.cudnn.benchmark = True
        work = work_of(row, recipe, self.batch, device)
        work.draw_levels_here()
        self._stepper = stepper_of(work, recipe)
        self._noise, self._levels = work.views, work.network.decoder_levels
        self.alone = float("inf")

    def measure_alone(self, seconds: float) -> None:
        """Compile for all levels, and time the step on views that are already there; of several times, the fastest."""
        for _ in range(2 * self._levels if self.compiled else 1):
            self._step(self._noise)
        times = durations(lambda: self._step(self._noise), self.device, seconds)
        self.alone = min(self.alone, sorted(times)[len(times) // 2])

    def own(self, loader: object, seconds: float) -> Driven:
        """Steps on what pcrl's loader gives."""
        feed = feed_of(loader, self.device, True)  # type: ignore[arg-type]
        return self.drive((fed.views for fed in feed), seconds, feed.waiting)

    def drive(
        self, views: Iterator[Views], seconds: float, waiting: Callable[[], float] | None = None
    ) -> Driven:
        """Steps on views, for some seconds.

        Args:
            waiting: share of the time in which the device waited since it was last asked.
        """
        for _ in range(WARM_UP):
            self._step(next(views))
        finish(self.device)
        if waiting is not None:
            waiting()
        began, steps = time.perf_counter(), 0
        while time.perf_counter() < began + seconds or not steps:
            self._step(next(views))
            steps += 1
            if steps % LOGGED == 0:
                finish(self.device)
        finish(self.device)
        passed = time.perf_counter() - began
        share = None if waiting is None else waiting()
        return Driven(self.batch, passed / steps, share)

    def allocate(self) -> Callable[[tuple[int, ...]], NDArray[np.float32]] | None:
        """How the loader's batches are allocated for this device."""
        return pinned if self.device.type == "cuda" else None

    def _step(self, views: Views) -> None:
        self._stepper.step(views, Keys(0, np.zeros(self.batch, np.uint64)), Moment(0, 240))
