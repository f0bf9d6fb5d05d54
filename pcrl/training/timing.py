"""How long a step takes, before there is a run."""

from __future__ import annotations

import time

import numpy as np
import torch

from pcrl.config import Recipe
from pcrl.models.networks import build
from pcrl.models.precision import autocast
from pcrl.training.feed import on_device
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Views

_SAMPLES = 2


def seconds_per_step(recipe: Recipe, device: torch.device) -> float:
    """Time of a step, from one with two samples on a network of the same size; the loader's time is not in it."""
    network = build(recipe.model).to(device).train()
    objective = build_objective(recipe, network).to(device).train()
    channels, shapes = network.in_channels, recipe.views
    images = torch.rand(2, _SAMPLES, channels, *shapes.global_shape, device=device)
    count = shapes.locals if objective.uses_locals else 0
    locals_ = torch.rand(count, _SAMPLES, channels, *shapes.local_shape, device=device)
    views = Views(images, torch.rand_like(images[0]), locals_)
    times = []
    for number in range(2):
        started = time.perf_counter()
        draws = on_device(objective.draw(Keys(number, np.arange(_SAMPLES, dtype=np.uint64))), device)
        with autocast(device):
            outputs = objective(network, views, draws)
        objective.loss(outputs, views, draws, Moment(0, 1)).total.backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return min(times) * recipe.training.batch_size / _SAMPLES
