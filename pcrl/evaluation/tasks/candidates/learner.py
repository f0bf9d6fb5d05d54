"""How a classifier of candidates learns, and its logits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.tasks.candidates.batches import CandidateCrops
from pcrl.evaluation.tasks.supervision import Pixels, Rows, Supervision, masked_loss, refuse_infinite
from pcrl.models.classifier import Classifier
from pcrl.models.precision import autocast


class CandidateLearner:
    """Crops of candidates, half of each batch nodules; see `pcrl.evaluation.finetune.fit.Learner`."""

    def __init__(
        self,
        model: Classifier,
        crops: CandidateCrops,
        supervision: Supervision,
        seed: int,
        device: torch.device,
    ) -> None:
        self.module = model.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.crops, self.supervision, self.seed, self.device = crops, supervision, seed, device

    @property
    def criterion(self) -> str:
        """What the validation score is."""
        return self.supervision.criterion

    def batches(self, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Positions and crops."""
        labels = self.supervision.targets[self.supervision.train, 0] > 0.5
        return self.crops.augmented(self.supervision.train, self.seed, epoch, labels)

    def loss(self, batch: tuple[Rows, Pixels]) -> Tensor:
        """Binary cross-entropy."""
        rows, pixels = batch
        targets = torch.from_numpy(self.supervision.targets[rows]).to(self.device, non_blocking=True)
        with autocast(self.device):
            logits = self.module(normalised(pixels, self.device))
        return masked_loss(logits, targets)

    def validate(self) -> Score | None:
        """See `Supervision.score`."""
        if not len(self.supervision.validation):
            return None
        return self.supervision.score(
            logits_of(self.module, self.crops, self.supervision.validation, self.device)
        )

    def finish(self) -> None:
        """Nothing is left to do."""


@torch.no_grad()
def logits_of(
    model: Classifier, crops: CandidateCrops, rows: Rows, device: torch.device
) -> NDArray[np.float64]:
    """Logits (n, 1) of candidates, each in the middle of its crop.

    Raises:
        FloatingPointError: one is NaN or infinite.
    """
    model.eval()
    outputs = []
    for _, pixels in crops.plain(rows):
        with autocast(device):
            outputs.append(model(normalised(pixels, device)).float())
    logits: NDArray[np.float64] = torch.cat(outputs).double().cpu().numpy()
    refuse_infinite(logits)
    return logits


def normalised(pixels: Pixels, device: torch.device) -> Tensor:
    """Crops of mean 0 and deviation 1, as views are in pre-training; a constant one is 0."""
    images = torch.from_numpy(pixels).to(device, non_blocking=True)
    deviation, mean = torch.std_mean(images, dim=(1, 2, 3, 4), keepdim=True, correction=0)
    images = (images - mean) / deviation.clamp(min=1e-6)
    return images.contiguous(memory_format=torch.channels_last_3d)
