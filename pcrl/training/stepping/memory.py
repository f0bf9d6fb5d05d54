"""How many samples fit on a device at a time, and how long a step with them takes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from pcrl.config import Recipe
from pcrl.models.networks import build, placed
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Views
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.ranks.exchange import Exchange
from pcrl.training.ranks.world import ALONE
from pcrl.training.records.checkpoint import trained
from pcrl.training.stepping.allocation import memory_kept
from pcrl.training.stepping.reproducible import kernels
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
    """Do some steps with so many samples, not compiled, else as a run does; none if the device has too little memory.

    Args:
        batch: at a time, without accumulation.
    """
    try:
        return _trial(recipe, device, batch, steps)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None
    finally:
        free(device)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error is that of a device with too little memory, in whatever library it was noticed."""
    signs = ("out of memory", "ALLOC_FAILED", "unable to find an engine to execute")
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in signs)


def free(device: torch.device) -> None:
    """Give back what nobody holds any more."""
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
    recipe: Recipe, device: torch.device, fits: Callable[[int], bool] | None = None, processes: int = 1
) -> str:
    """What to say when a device has too little memory for a step, and what fits.

    Args:
        fits: whether so many samples at a time do; none: tries, where this process is alone: of several, the others
            would wait for it.
        processes: that share a batch.
    """
    training = recipe.training
    at_once = training.batch_size // processes // training.accumulate
    words = f"{device} has too little memory for {at_once} samples at a time"
    less = (
        ""
        if training.recompute
        else ", or set training.recompute=true, which takes less memory and more time"
    )
    if fits is None and processes > 1:
        return (
            f"{words}: `pcrl bench --device {device.type}` tries what fits. Set a smaller training.batch_size, go "
            f"through it in parts with training.accumulate={2 * training.accumulate}{less}"
        )
    fitting = largest(fits or (lambda count: try_batch(recipe, device, count) is not None), at_once)
    if not fitting:
        return f"{words}, even for {LEAST}: take smaller views or a narrower network{less}"
    share = training.batch_size // processes
    ways = [n for n in range(2, share + 1) if share % n == 0 and LEAST <= share // n <= fitting]
    parts = (
        f", or keep the batch and go through it in parts with training.accumulate={ways[0]} (BatchNorm then takes the "
        "statistics of a part)"
        if ways
        else ""
    )
    return f"{words}; {fitting} fit. Set training.batch_size={fitting * processes * training.accumulate}{parts}{less}"


def _trial(recipe: Recipe, device: torch.device, batch: int, steps: int) -> Trial:
    training = recipe.training.model_copy(update={"accumulate": 1, "batch_size": batch})
    network = placed(build(recipe.model), device)
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
    with kernels(training.deterministic, device), memory_kept(device):
        for number in range(steps):
            started = time.perf_counter()
            stepper.step(views, Keys(number, np.arange(batch, dtype=np.uint64)), Moment(0, 1))
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - started)
    most = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return Trial(batch, min(times), most)
