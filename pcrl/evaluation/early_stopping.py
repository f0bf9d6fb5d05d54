"""Choosing the epoch that validation images like best, and ending when none is better any more."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pcrl.evaluation.roc import auroc_per_label, mean_of


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over those of the targets (batch, labels) that are not NaN; 0 without any."""
    known = ~targets.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        logits.float(), targets.nan_to_num(), reduction="none"
    )
    return (losses * known).sum() / known.sum().clamp(min=1)


class EarlyStopping:
    """Keeps the best state of a module.

    Better is a higher mean AUROC over the scored labels, and a lower loss where that is the same or is not defined, as
    none of the labels has both classes among the validation images. Without validation images the last epoch is kept.

    Args:
        truth: (n, labels) of the validation images, NaN where one does not count.
        scored: columns of `truth`.
    """

    def __init__(
        self, module: nn.Module, truth: NDArray[np.float32], scored: list[int], patience: int
    ) -> None:
        self.module, self.truth, self.scored, self.patience = module, truth, scored, patience
        self.chosen_epoch = 0
        self.history: list[tuple[float, float | None]] = []
        """Loss and mean AUROC of each epoch."""
        self._best = (-np.inf, -np.inf)
        self._kept: dict[str, Any] | None = None

    @property
    def criterion(self) -> str:
        """What chooses the epoch."""
        if not len(self.truth):
            return "last epoch"
        flat = np.zeros(self.truth.shape)
        return "loss" if self._auroc(flat) is None else "AUROC"

    def better_is_near(self, epoch: int, logits: NDArray[np.float64]) -> bool:
        """Take in the logits (n, labels) of an epoch; whether it makes sense to go on."""
        loss = float(masked_loss(torch.from_numpy(logits), torch.from_numpy(self.truth)))
        area = self._auroc(logits)
        self.history.append((loss, area))
        score = (0.0 if area is None else area, -loss)
        if score > self._best:
            self._best, self.chosen_epoch = score, epoch
            self._kept = copy.deepcopy(self.module.state_dict())
        return epoch - self.chosen_epoch < self.patience

    def restore(self) -> None:
        """Put the best state back."""
        if self._kept is not None:
            self.module.load_state_dict(self._kept)

    def _auroc(self, logits: NDArray[np.float64]) -> float | None:
        return mean_of(auroc_per_label(logits[:, self.scored], self.truth[:, self.scored]))
