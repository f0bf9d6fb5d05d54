"""What a network is given: the views of a batch, and what an objective has drawn."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pcrl.models.images.inputs import to_network
from pcrl.training.objectives.objective import Draws, Views


def network_views(globals_: Tensor, target: Tensor, locals_: Tensor, holes: Tensor) -> Views:
    """The arrays of a batch, see `pcrl.engine.batch.Batch`, as the network takes them. Nothing waits for the device."""
    if globals_.ndim == 6:  # volumes: (2, batch, 1, z, y, x)
        return Views(globals_, target, locals_)
    return Views(
        to_network(globals_.flatten(0, 1), holes.flatten(0, 1)).unflatten(0, globals_.shape[:2]),
        to_network(target, None),
        to_network(locals_.flatten(0, 1), None).unflatten(0, locals_.shape[:2]),
    )


def on_device(draws: Draws, device: torch.device) -> Draws:
    """Draws with their arrays as tensors on the device, for which nothing waits; whole numbers stay on the host."""
    return {
        name: _queued(torch.from_numpy(value), device) if isinstance(value, np.ndarray) else value
        for name, value in draws.items()
    }


def _queued(value: Tensor, device: torch.device) -> Tensor:
    # Out of memory that is not page-locked a copy would wait for all that is queued before it.
    return value.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else value
