"""How many samples fit on a device at a time, and how long a step with them takes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from pcrl.config import Recipe
from pcrl.models.networks import build
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Views
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.ranks.exchange import Exchange
from pcrl.training.ranks.world import ALONE
from pcrl.training.records.checkpoint import trained
from pcrl.training.stepping.step import Stepper

LEAST = 2
"""Samples that BatchNorm needs at least."""
_STEPS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """A step on made-up views.

    Args:
        batch: samples.
        seconds: of the fastest step.
        gigabytes: most that was in use on a GPU; 0 on a CPU.
    """

    batch: int
    seconds: float
    gigabytes: float


def try_batch(recipe: Recipe, device: torch.device, batch: int, steps: int = _STEPS) -> Trial | None:
    """Do some steps with so many samples, not compiled; none if the device has too little memory.

    Args:
        batch: at a time, without accumulation.
    """
    try:
        return _trial(recipe, device, batch, steps)
    except torch.OutOfMemoryError:
        return None
    finally:
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def largest(fits: Callable[[int], bool], below: int) -> int:
    """The largest even number of samples below another one that fits; 0 if not even two do.

    Args:
        fits: whether so many fit; monotone.
    """
    low, high = 0, below // 2 if below % 2 == 0 else below // 2 + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(2 * middle) else (low, middle)
    return 2 * low


def too_large(
    recipe: Recipe, device: torch.device, processes: int, fits: Callable[[int], bool] | None = None
) -> str:
    """What to say when a device has too little memory for a step, and what fits.

    Args:
        processes: that share a batch.
        fits: whether so many samples at a time do; none: tries.
    """
    training, share = recipe.training, recipe.training.batch_size // processes
    at_once = share // training.accumulate
    fitting = largest(fits or (lambda count: try_batch(recipe, device, count) is not None), at_once)
    words = f"{device} has too little memory for {at_once} samples at a time"
    less = (
        ""
        if training.recompute
        else ", or set training.recompute=true, which takes less memory and more time"
    )
    if not fitting:
        return f"{words}, even for {LEAST}: take smaller views or a narrower network{less}"
    parts = next(n for n in range(2, share + 1) if share % n == 0 and share // n <= fitting)
    return (
        f"{words}; {fitting} fit. Set training.batch_size={fitting * processes}, or keep the batch and go through it "
        f"in parts with training.accumulate={parts} (BatchNorm then takes the statistics of a part){less}"
    )


def _trial(recipe: Recipe, device: torch.device, batch: int, steps: int) -> Trial:
    training = recipe.training.model_copy(update={"accumulate": 1, "batch_size": batch})
    last = torch.channels_last if recipe.dimensions == 2 else torch.channels_last_3d
    network = build(recipe.model).to(device).train().to(memory_format=last)  # type: ignore[call-overload]
    network.recompute = training.recompute
    objective = build_objective(recipe, network).to(device).train()
    parameters = [parameter for _, parameter in trained(network, objective)]
    exchange = Exchange(ALONE, parameters, ())
    stepper = Stepper(network, objective, build_optimizer(parameters, training), training, exchange, device)
    shapes, channels = recipe.views, network.in_channels
    globals_ = torch.rand(2, batch, channels, *shapes.global_shape, device=device)
    count = shapes.locals if objective.uses_locals else 0
    locals_ = torch.rand(count, batch, channels, *shapes.local_shape, device=device)
    views = Views(globals_, torch.rand_like(globals_[0]), locals_)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    times = []
    for number in range(steps):
        started = time.perf_counter()
        stepper.step(views, Keys(number, np.arange(batch, dtype=np.uint64)), Moment(0, 1))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    most = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return Trial(batch, min(times), most)
