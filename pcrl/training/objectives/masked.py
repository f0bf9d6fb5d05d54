"""Masked restoration: blocks of view 1 are hidden, and the error counts where they were.

Source: He et al., Masked Autoencoders Are Scalable Vision Learners, CVPR 2022, and its convolutional kin (SparK, ICLR
2023): hidden blocks hold the mean, 0, and the network is the recipe's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from torch import Tensor

from pcrl.config import Masked, Recipe, RecipeError
from pcrl.kernels.streams import stream, uniforms
from pcrl.models.networks import Network
from pcrl.training.objectives.objective import Draws, Keys, Loss, Moment, Objective, Reading, Views

MASK = 1 << 34
"""Word that sets the stream of the masks apart from those of the views."""


class MaskedOutputs(NamedTuple):
    """The restored view, what the network was given, and where that was hidden: (batch, …, *spatial) each."""

    restored: Tensor
    given: Tensor
    hidden: Tensor


class MaskedRestoration(Objective):
    """See `Objective`. What is drawn: `hidden`, (batch, *blocks) bool, the same share of the blocks in every sample."""

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__()
        settings, shape = recipe.objective, recipe.views.global_shape
        assert isinstance(settings, Masked)
        self.edge, self.blocks = settings.edge, tuple(n // settings.edge for n in shape)
        count = int(np.prod(self.blocks))
        self.count = round(settings.share * count)
        self.share = self.count / count
        if any(n % settings.edge for n in shape) or not 0 < self.count < count:
            raise RecipeError(
                f"objective.edge = {settings.edge} and objective.share = {settings.share}: a view of {shape} must be "
                "divisible into blocks, some of them hidden and some not"
            )

    def draw(self, keys: Keys) -> Draws:
        """See `Objective`."""
        hidden = np.zeros((len(keys.samples), int(np.prod(self.blocks))), bool)
        for row, key in zip(hidden, keys.samples.tolist(), strict=True):
            row[np.argsort(uniforms(stream(key, MASK), len(row)), kind="stable")[: self.count]] = True
        return {"hidden": hidden.reshape(-1, *self.blocks)}

    def forward(self, network: Network, views: Views, draws: Draws) -> MaskedOutputs:
        """Hide, and restore."""
        hidden = draws["hidden"][:, None]
        for axis in range(2, hidden.ndim):
            hidden = hidden.repeat_interleave(self.edge, dim=axis)
        given = views.globals[0].masked_fill(hidden, 0.0)
        return MaskedOutputs(network(given).restored, given, hidden)

    def loss(self, outputs: MaskedOutputs, views: Views, draws: Draws, moment: Moment) -> Loss:
        """Mean squared error over what was hidden: as much in every sample, so that it is a mean over samples."""
        error, hidden = (outputs.restored.float() - views.target).square(), outputs.hidden
        total = (error * hidden).mean() / self.share
        seen = (error.detach() * ~hidden).mean() / (1 - self.share)
        return Loss(total, {"loss": total, "seen": seen})

    def readings(self) -> Mapping[str, Reading]:
        """See `Objective`."""
        return {
            "loss": Reading("Mean squared error over the hidden blocks; lower is better.", shown=True),
            "seen": Reading("Mean squared error over the visible blocks, which is not part of the loss."),
        }

    def pictures(self, outputs: MaskedOutputs, views: Views, draws: Draws) -> Mapping[str, Tensor]:
        """The target, the input and the restored view."""
        return {"target": views.target, "masked": outputs.given, "restored": outputs.restored}


build = MaskedRestoration
