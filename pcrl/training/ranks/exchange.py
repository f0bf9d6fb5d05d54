"""What ranks tell each other after every backward: gradients, statistics and the wish to stop, in one message."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pcrl.training.ranks.norms import local_norms
from pcrl.training.ranks.world import World, add_up
from pcrl.training.stepping.gradients import Gradients

LATER = 2
"""Steps after which a wish to stop is acted on: by then it has come to the host. A host is that far ahead at most."""


class Exchange:
    """Averages over ranks; nothing at all where there is one.

    Args:
        parameters: what is trained.
        modules: whose BatchNorms that stay local have their running statistics averaged.
    """

    def __init__(
        self, world: World, parameters: Sequence[nn.Parameter], modules: Sequence[nn.Module]
    ) -> None:
        self.world = world
        self._statistics = _running_statistics(modules) if world.size > 1 else []
        room = sum(value.numel() for value in self._statistics) + 1
        self.gradients = Gradients(parameters, room if world.size > 1 else 0)
        self._wishes: deque[tuple[Tensor, torch.cuda.Event | None]] = deque()

    def average(self, stop: bool) -> bool:
        """Average gradients and running statistics over all ranks.

        Args:
            stop: this rank wishes to stop.

        Returns:
            Whether all ranks stop after this step: some steps after one has wished it, all at the same.
        """
        if self.world.size == 1:
            return False
        flat, room = self.gradients.flat, self.gradients.room
        torch.cat(
            [*(value.flatten() for value in self._statistics), room.new_full((1,), float(stop))], out=room
        )
        add_up(flat)
        flat.div_(self.world.size)
        place = 0
        for value in self._statistics:
            value.copy_(room[place : place + value.numel()].view_as(value))
            place += value.numel()
        self._wishes.append(_on_host(room[-1:]))
        if len(self._wishes) <= LATER:
            return False
        wish, copied = self._wishes.popleft()
        if copied is not None:
            copied.synchronize()
        return bool(wish.item() > 0)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over ranks of what is logged, (…) float64 on the host; where some are NaN, of the others."""
        if self.world.size == 1:
            return values
        # Sums and counts travel together, over the host: it is where both are.
        both = torch.stack(
            [values.nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf), (~values.isnan()).double()]
        )
        add_up(both)
        return both[0] / both[1]

    def total(self, count: int) -> int:
        """Sum over ranks."""
        if self.world.size == 1:
            return count
        value = torch.tensor([count])
        add_up(value)
        return int(value.item())


def _running_statistics(modules: Sequence[nn.Module]) -> list[Tensor]:
    return [
        value
        for norm in local_norms(*modules)
        for value in (norm.running_mean, norm.running_var)
        if value is not None
    ]


def _on_host(value: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """A copy on the host, and when it is there; nobody waits."""
    if value.device.type != "cuda":
        return value.clone(), None
    host = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
    host.copy_(value, non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return host, event
