"""How a classifier learns, of images or of candidates, and its logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.tasks.supervision import Pixels, Rows, Supervision, masked_loss, refuse_infinite
from pcrl.models.classifier import Classifier
from pcrl.models.precision import autocast

Prepared = Callable[[Pixels, torch.device], Tensor]
"""From pixels in [0, 1] to the device, as the network takes them."""


class Plain(Protocol):
    """Where images or crops come from."""

    def plain(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for scoring, in the order of `rows`."""


class ClassifierLearner(ABC):
    """Fine-tuning of the whole network; see `pcrl.evaluation.finetune.fit.Learner`.

    Args:
        model: on the device, in the memory format of its kind.
    """

    def __init__(
        self,
        model: Classifier,
        inputs: Plain,
        prepared: Prepared,
        supervision: Supervision,
        device: torch.device,
    ) -> None:
        self.module, self.supervision, self.device = model, supervision, device
        self._inputs, self._prepared = inputs, prepared

    @property
    def criterion(self) -> str:
        """What the validation score is."""
        return self.supervision.criterion

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many batches the training set has."""

    @abstractmethod
    def batches(self, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Positions and pixels."""

    @abstractmethod
    def unchanged(self, batches: int) -> Iterator[Pixels]:
        """So many batches at most as they are trained on, but not augmented; the same at every call."""

    def loss(self, batch: tuple[Rows, Pixels]) -> Tensor:
        """Binary cross-entropy of the labels that count."""
        rows, pixels = batch
        targets = torch.from_numpy(self.supervision.targets[rows]).to(self.device, non_blocking=True)
        return masked_loss(self._forward(pixels), targets)

    def show_training(self, batches: int) -> None:
        """Send training data through the network, not augmented."""
        for pixels in self.unchanged(batches):
            self._forward(pixels)

    def validate(self) -> Score | None:
        """See `Supervision.score`."""
        rows = self.supervision.validation
        if not len(rows):
            return None
        return self.supervision.score(logits(self.module, self._inputs, self._prepared, rows, self.device))

    def finish(self) -> None:  # noqa: B027
        """Nothing is left to do."""

    def _forward(self, pixels: Pixels) -> Tensor:
        with autocast(self.device):
            result: Tensor = self.module(self._prepared(pixels, self.device))
        return result


def logits(
    model: Classifier, inputs: Plain, prepared: Prepared, rows: Rows, device: torch.device
) -> NDArray[np.float64]:
    """Logits (n, labels) of the middle of each image, or of each candidate in the middle of its crop.

    Raises:
        FloatingPointError: one is NaN or infinite.
    """
    found: NDArray[np.float64] = outputs(model, model, inputs, prepared, rows, device).double().numpy()
    refuse_infinite(found)
    return found


@torch.no_grad()
def outputs(
    model: Classifier,
    layers: Callable[[Tensor], Tensor],
    inputs: Plain,
    prepared: Prepared,
    rows: Rows,
    device: torch.device,
) -> Tensor:
    """What some layers of a network make of each: (n, …) float32, on the CPU."""
    model.eval()
    made = []
    for _, pixels in inputs.plain(rows):
        with autocast(device):
            made.append(layers(prepared(pixels, device)).float())
    return torch.cat(made).cpu()
