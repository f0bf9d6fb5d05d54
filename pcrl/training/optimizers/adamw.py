"""AdamW. Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.optim import AdamW

from pcrl.config import Training


def build(parameters: Sequence[nn.Parameter], training: Training) -> AdamW:
    """The optimiser of a recipe. Biases and weights of normalisation decay as all others do."""
    return AdamW(
        parameters,
        lr=training.learning_rate,
        betas=training.betas,
        weight_decay=training.weight_decay,
        fused=parameters[0].device.type == "cuda",
    )
