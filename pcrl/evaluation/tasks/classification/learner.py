"""How a classifier of images learns, and its logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.tasks.supervision import Pixels, Rows, Supervision, masked_loss, refuse_infinite
from pcrl.models.classifier import Classifier
from pcrl.models.images.inputs import to_network
from pcrl.models.precision import autocast


class Images(Protocol):
    """Where images come from; see `pcrl.evaluation.tasks.classification.batches`."""

    def augmented(self, rows: Rows, seed: int, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for training."""

    def plain(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for scoring."""


class ClassifierLearner:
    """Fine-tuning of the whole network; see `pcrl.evaluation.finetune.fit.Learner`."""

    def __init__(
        self, model: Classifier, images: Images, supervision: Supervision, seed: int, device: torch.device
    ) -> None:
        self.module = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.images, self.supervision, self.seed, self.device = images, supervision, seed, device

    @property
    def criterion(self) -> str:
        """What the validation score is."""
        return self.supervision.criterion

    def batches(self, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Positions and pixels."""
        return self.images.augmented(self.supervision.train, self.seed, epoch)

    def loss(self, batch: tuple[Rows, Pixels]) -> Tensor:
        """Binary cross-entropy of the labels that count."""
        rows, pixels = batch
        targets = torch.from_numpy(self.supervision.targets[rows]).to(self.device, non_blocking=True)
        with autocast(self.device):
            logits = self.module(_input(pixels, self.device))
        return masked_loss(logits, targets)

    def validate(self) -> Score | None:
        """See `Supervision.score`."""
        if not len(self.supervision.validation):
            return None
        return self.supervision.score(
            logits_of(self.module, self.images, self.supervision.validation, self.device)
        )

    def finish(self) -> None:
        """Nothing is left to do."""


def logits_of(model: Classifier, images: Images, rows: Rows, device: torch.device) -> NDArray[np.float64]:
    """Logits (images, labels) of the middle of each image.

    Raises:
        FloatingPointError: one is NaN or infinite.
    """
    logits: NDArray[np.float64] = _outputs(model, model, images, rows, device).double().numpy()
    refuse_infinite(logits)
    return logits


def features(model: Classifier, images: Images, rows: Rows, device: torch.device) -> Tensor:
    """What the linear layer is given of the middle of each image: (images, channels) float32, on the CPU."""
    return _outputs(model, model.features, images, rows, device)


@torch.no_grad()
def _outputs(
    model: Classifier, layers: Callable[[Tensor], Tensor], images: Images, rows: Rows, device: torch.device
) -> Tensor:
    model.eval()
    outputs = []
    for _, pixels in images.plain(rows):
        with autocast(device):
            outputs.append(layers(_input(pixels, device)).float())
    return torch.cat(outputs).cpu()


def _input(pixels: Pixels, device: torch.device) -> Tensor:
    moved = torch.from_numpy(pixels).to(device, non_blocking=True)
    return to_network(moved, None).contiguous(memory_format=torch.channels_last)
