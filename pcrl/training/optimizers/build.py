"""From the settings of a recipe to its optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from torch import nn
from torch.optim import Optimizer

from pcrl.config import Training


def build_optimizer(parameters: Sequence[nn.Parameter], training: Training) -> Optimizer:
    """The optimiser of a recipe: `build(parameters, training)` of the file of this folder that is called as it is."""
    module = import_module(f"pcrl.training.optimizers.{training.optimizer}")
    optimizer: Optimizer = module.build(parameters, training)
    return optimizer
