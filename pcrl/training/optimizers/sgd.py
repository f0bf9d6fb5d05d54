"""SGD with momentum, as published."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.optim import SGD

from pcrl.config import Training


def build(parameters: Sequence[nn.Parameter], training: Training) -> SGD:
    """The optimiser of a recipe."""
    return SGD(
        parameters,
        lr=training.learning_rate,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
        fused=parameters[0].device.type == "cuda",
    )
