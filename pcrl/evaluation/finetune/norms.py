"""BatchNorm's running statistics, taken anew over the training data.

During training they are exponential averages that forget at a rate of 0.1 a step and begin at those of pre-training, or
at 0 and 1: after a few dozen steps they describe neither the weights nor the data. What is scored, and kept, has plain
averages over training data that are shown as test data are, without augmentation ("precise BN": Wu and Johnson,
Rethinking "Batch" in BatchNorm, arXiv 2105.07576, section 3).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def settle(module: nn.Module, frozen: nn.Module | None, show: Callable[[int], None], batches: int) -> None:
    """Put averages over batches of training data into every BatchNorm; each batch counts alike.

    Nothing is drawn at random and no weight changes: the same weights and data give the same statistics.

    Args:
        frozen: a part of `module` whose statistics stay as they are.
        show: sends the training data through the network, so many batches at most.
        batches: at least one.
    """
    apart = set() if frozen is None else set(frozen.modules())
    norms = [
        part
        for part in module.modules()
        if isinstance(part, _BatchNorm) and part.track_running_stats and part not in apart
    ]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # A plain average, as torch has it.
        norm.train()
    try:
        with torch.no_grad():
            show(batches)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
