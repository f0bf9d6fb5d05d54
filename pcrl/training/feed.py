"""From the host to the device: the views of a batch as the network takes them, and what an objective has drawn."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.engine.batch import Batch
from pcrl.models.images.inputs import to_network
from pcrl.training.objectives.objective import Draws, Views


def views_of(batch: Batch, device: torch.device, locals_too: bool) -> Views:
    """The views of a batch. When this returns, nothing on the device needs the batch any more.

    Args:
        locals_too: bring the local views; else there are none.
    """
    views, target, local_views = (
        _to(array, device)
        for array in (batch.globals, batch.target, batch.locals[: None if locals_too else 0])
    )
    if views.ndim == 6:  # volumes: (2, batch, 1, z, y, x)
        return Views(views, target, local_views)
    holes = torch.from_numpy(batch.holes).to(device)
    return Views(
        to_network(views.flatten(0, 1), holes.flatten(0, 1)).unflatten(0, views.shape[:2]),
        to_network(target, None),
        to_network(local_views.flatten(0, 1), None).unflatten(0, local_views.shape[:2]),
    )


def on_device(draws: Draws, device: torch.device) -> Draws:
    """Draws with their arrays as tensors on the device; whole numbers stay on the host."""
    return {
        name: _to(value, device) if isinstance(value, np.ndarray) else value for name, value in draws.items()
    }


def pinned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Page-locked memory, from which a copy to the GPU needs no detour."""
    array: NDArray[np.float32] = torch.empty(shape, dtype=torch.float32, pin_memory=True).numpy()
    return array


def _to(array: NDArray[np.generic], device: torch.device) -> Tensor:
    # Blocking: when it returns the slot may be filled again.
    return torch.from_numpy(array).to(device)
