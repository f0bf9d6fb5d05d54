"""The learning rate of every step."""

from __future__ import annotations

import math
from collections.abc import Callable

from pcrl.config import Training


def learning_rate(training: Training, epoch: int, step: int = 0, steps: int = 1) -> float:
    """The rate of a step.

    It rises step by step while the warm-up lasts, and then follows the schedule, one value an epoch.

    Args:
        step: in its epoch, of `steps`.
    """
    warmup = training.warmup_epochs
    if epoch < warmup:
        return training.learning_rate * (epoch * steps + step + 1) / (warmup * steps)
    return _SCHEDULES[training.schedule](training.learning_rate, epoch - warmup, training.epochs - warmup)


def _cosine(rate: float, done: int, epochs: int) -> float:
    """From the rate to 0, as published: 0 would be that of the epoch after the last."""
    return rate * 0.5 * (1 + math.cos(math.pi * done / epochs))


_SCHEDULES: dict[str, Callable[[float, int, int], float]] = {
    "cosine": _cosine,
    "constant": lambda rate, *_: rate,
}
