"""How a classifier of candidates learns, and its logits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.evaluation.tasks.candidates.batches import CandidateCrops, batches_of
from pcrl.evaluation.tasks.learner import ClassifierLearner, logits
from pcrl.evaluation.tasks.supervision import Pixels, Rows, Supervision
from pcrl.models.classifier import Classifier


class CandidateLearner(ClassifierLearner):
    """Crops of candidates, half of each batch nodules."""

    def __init__(
        self,
        model: Classifier,
        crops: CandidateCrops,
        supervision: Supervision,
        seed: int,
        device: torch.device,
    ) -> None:
        moved = model.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        super().__init__(moved, crops, normalised, supervision, device)
        self._crops, self._seed = crops, seed
        self._nodules = supervision.targets[supervision.train, 0] > 0.5

    @property
    def steps(self) -> int:
        """How many batches the training candidates make: as many as hold every nodule once."""
        return batches_of(self._nodules, self._crops.batch_size)

    def batches(self, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Positions and crops."""
        return self._crops.augmented(self.supervision.train, self._seed, epoch, self._nodules)

    def unchanged(self, batches: int) -> Iterator[Pixels]:
        """Candidates in the middle of their crops, half of each batch nodules."""
        rows = self.supervision.train
        return (pixels for _, pixels in self._crops.unchanged(rows, self._seed, batches, self._nodules))


def logits_of(
    model: Classifier, crops: CandidateCrops, rows: Rows, device: torch.device
) -> NDArray[np.float64]:
    """Logits (n, 1) of candidates; see `pcrl.evaluation.tasks.learner.logits`."""
    return logits(model, crops, normalised, rows, device)


def normalised(pixels: Pixels, device: torch.device) -> Tensor:
    """Crops of mean 0 and deviation 1, as views are in pre-training; a constant one is 0."""
    images = torch.from_numpy(pixels).to(device, non_blocking=True)
    deviation, mean = torch.std_mean(images, dim=(1, 2, 3, 4), keepdim=True, correction=0)
    images = (images - mean) / deviation.clamp(min=1e-6)
    return images.contiguous(memory_format=torch.channels_last_3d)
