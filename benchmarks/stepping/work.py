"""What a step works on: a network with its objective, made-up views, and the levels that are drawn."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from pcrl.config import Recipe
from pcrl.models.merging.shuffle import channels_last
from pcrl.models.networks import Network, build
from pcrl.models.volumes.blocks import AlignedConv3d
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Draws, Keys, Objective, Views
from stepping.rows import Row

CHECKED = 3
"""First steps of a row, whose losses must be those of all others; until then levels are the same in all."""


@dataclass
class Work:
    """A network at the beginning of its training, the same in every row, and one batch of noise.

    Args:
        done: steps for which levels were drawn.
    """

    row: Row
    network: Network
    objective: Objective
    views: Views
    device: torch.device
    done: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All that is trained; the objective of PCRLv2 has nothing of its own."""
        return list(self.network.parameters())

    def draw_levels_here(self) -> None:
        """Let the objective take its levels from here: so they can be the same in all rows, without Numba."""

        def draw(keys: Keys) -> Draws:  # noqa: ARG001
            return self.draws()

        self.objective.draw = draw  # type: ignore[method-assign]

    def draws(self) -> Draws:
        """The levels of the next step."""
        levels, count = self.network.decoder_levels, 1 + 2 * len(self.views.locals)
        self.done += 1
        if not self.row.cycling or self.done <= CHECKED:
            return {"levels": [levels - 1] * count}
        # The first one in turn, so that a few steps have met all.
        return {"levels": [self.done % levels, *(self._random.randrange(levels) for _ in range(count - 1))]}


def work_of(row: Row, recipe: Recipe, batch: int, device: torch.device) -> Work:
    """What a row works on."""
    torch.manual_seed(0)
    network = build(recipe.model).train()
    network.recompute = row.recompute
    # The list of levels, not the levels: it decides which heads run.
    network.decoder.training = row.all_heads
    for module in network.modules():
        if isinstance(module, AlignedConv3d):
            module.aligned = row.aligned
    if not row.merged:
        network.merged = contextlib.nullcontext  # type: ignore[method-assign]
    objective = build_objective(recipe, network).train()
    if device.type != "cpu":  # Fake tensors cannot be moved, not even to where they are.
        network.to(device)
        objective.to(device)
    if row.last:
        network.to(memory_format=channels_last(recipe.dimensions))  # type: ignore[call-overload]
    shapes, channels = recipe.views, network.in_channels
    globals_ = torch.rand(2, batch, channels, *shapes.global_shape)
    target = torch.rand(batch, channels, *shapes.global_shape)
    locals_ = torch.rand(shapes.locals, batch, channels, *shapes.local_shape)
    return Work(row, network, objective, Views(*(v.to(device) for v in (globals_, target, locals_))), device)


@contextlib.contextmanager
def backends(row: Row) -> Iterator[None]:
    """Within it cuDNN chooses as the row says."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = row.benchmark
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
