"""The targets that a classifier of images or candidates learns from, and the scores by which its epoch is chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.statistics.roc import auroc_per_label, mean_of

Rows = NDArray[np.int64]
Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Supervision:
    """The labels that a network learns from.

    Args:
        train, validation: positions of images, or of candidates.
        targets: (all of them, labels): 1, 0, or NaN where one does not count for a label.
        scored: columns by which the epoch is chosen.
    """

    train: Rows
    validation: Rows
    targets: NDArray[np.float32]
    scored: list[int]

    def score(self, logits: NDArray[np.float64]) -> Score:
        """Of the validation images (n, labels): mean AUROC of the scored labels, and then the lower loss.

        Where none of the labels has both classes among them, the loss alone.

        Raises:
            FloatingPointError: a logit is NaN or infinite.
        """
        truth = self.targets[self.validation]
        refuse_infinite(logits)
        loss = float(masked_loss(torch.from_numpy(logits), torch.from_numpy(truth)))
        area = mean_of(auroc_per_label(logits[:, self.scored], truth[:, self.scored]))
        return (-loss,) if area is None else (area, -loss)

    @property
    def criterion(self) -> str:
        """What `score` begins with, in words."""
        flat = np.zeros((len(self.validation), self.targets.shape[1]))
        return "mean AUROC" if len(self.score(flat)) > 1 else "loss, negative"


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over those of the targets (batch, labels) that are not NaN; 0 without any."""
    known = ~targets.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        logits.float(), targets.nan_to_num(), reduction="none"
    )
    return (losses * known).sum() / known.sum().clamp(min=1)


def refuse_infinite(logits: NDArray[np.float64]) -> None:
    """Raise FloatingPointError where a logit is NaN or infinite."""
    # The last step of an epoch can ruin a network whose loss was a number until then.
    if not np.isfinite(logits).all():
        raise FloatingPointError(
            "the network's outputs are NaN or infinite: give a lower learning rate (--learning-rates)"
        )
