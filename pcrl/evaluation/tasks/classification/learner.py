"""How a classifier of images learns, its logits and its features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.evaluation.tasks.learner import ClassifierLearner, Plain, logits, outputs
from pcrl.evaluation.tasks.supervision import Pixels, Rows, Supervision
from pcrl.models.classifier import Classifier
from pcrl.models.images.inputs import to_network


class Images(Plain, Protocol):
    """Where images come from; see `pcrl.evaluation.tasks.classification.batches`."""

    def augmented(self, rows: Rows, seed: int, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for training."""

    def unchanged(self, rows: Rows, seed: int, batches: int) -> Iterator[tuple[Rows, Pixels]]:
        """So many batches at most as in training, but of the middle of each image."""

    def steps(self, rows: Rows) -> int:
        """How many batches they make in training."""


class ImageLearner(ClassifierLearner):
    """All images once an epoch."""

    def __init__(
        self, model: Classifier, images: Images, supervision: Supervision, seed: int, device: torch.device
    ) -> None:
        moved = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(moved, images, _expanded, supervision, device)
        self._images, self._seed = images, seed

    @property
    def steps(self) -> int:
        """How many batches the training images make."""
        return self._images.steps(self.supervision.train)

    def batches(self, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Positions and pixels."""
        return self._images.augmented(self.supervision.train, self._seed, epoch)

    def unchanged(self, batches: int) -> Iterator[Pixels]:
        """The middle of the images."""
        return (pixels for _, pixels in self._images.unchanged(self.supervision.train, self._seed, batches))


def logits_of(model: Classifier, images: Images, rows: Rows, device: torch.device) -> NDArray[np.float64]:
    """Logits (images, labels); see `pcrl.evaluation.tasks.learner.logits`."""
    return logits(model, images, _expanded, rows, device)


def features(model: Classifier, images: Images, rows: Rows, device: torch.device) -> Tensor:
    """What the linear layer is given of the middle of each image: (images, channels) float32, on the CPU."""
    return outputs(model, model.features, images, _expanded, rows, device)


def _expanded(pixels: Pixels, device: torch.device) -> Tensor:
    moved = torch.from_numpy(pixels).to(device, non_blocking=True)
    return to_network(moved, None).contiguous(memory_format=torch.channels_last)
