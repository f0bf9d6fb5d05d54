"""How a classifier of images learns, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.statistics.roc import auroc_per_label, mean_of
from pcrl.models.classifier import Classifier
from pcrl.models.images.inputs import to_network
from pcrl.models.precision import autocast

Rows = NDArray[np.int64]
Pixels = NDArray[np.float32]


class Images(Protocol):
    """Where images come from; see `pcrl.evaluation.tasks.classification.batches`."""

    def augmented(self, rows: Rows, seed: int, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for training."""

    def plain(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for scoring."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt.

    Args:
        train, validation: positions of images.
        targets: (images of the table, labels): 1, 0, or NaN where an image does not count for a label.
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
            FloatingPointError: an answer is NaN or infinite.
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


class ClassifierLearner:
    """Fine-tuning of the whole network; see `pcrl.evaluation.finetune.fit.Learner`."""

    def __init__(
        self, model: Classifier, images: Images, lesson: Lesson, seed: int, device: torch.device
    ) -> None:
        self.module = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.images, self.lesson, self.seed, self.device = images, lesson, seed, device

    @property
    def criterion(self) -> str:
        """What the validation score is."""
        return self.lesson.criterion

    def batches(self, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Positions and pixels."""
        return self.images.augmented(self.lesson.train, self.seed, epoch)

    def loss(self, batch: tuple[Rows, Pixels]) -> Tensor:
        """Binary cross-entropy of the labels that count."""
        rows, pixels = batch
        targets = torch.from_numpy(self.lesson.targets[rows]).to(self.device, non_blocking=True)
        with autocast(self.device):
            logits = self.module(_input(pixels, self.device))
        return masked_loss(logits, targets)

    def validate(self) -> Score | None:
        """See `Lesson.score`."""
        if not len(self.lesson.validation):
            return None
        return self.lesson.score(predict(self.module, self.images, self.lesson.validation, self.device))

    def finish(self) -> None:
        """Nothing is left to do."""


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over those of the targets (batch, labels) that are not NaN; 0 without any."""
    known = ~targets.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        logits.float(), targets.nan_to_num(), reduction="none"
    )
    return (losses * known).sum() / known.sum().clamp(min=1)


def predict(model: Classifier, images: Images, rows: Rows, device: torch.device) -> NDArray[np.float64]:
    """Logits (images, labels) of the middle of each image.

    Raises:
        FloatingPointError: one is NaN or infinite.
    """
    logits: NDArray[np.float64] = _answers(model, model, images, rows, device).double().numpy()
    refuse_infinite(logits)
    return logits


def features(model: Classifier, images: Images, rows: Rows, device: torch.device) -> Tensor:
    """What the linear layer is given of the middle of each image: (images, channels) float32, on the CPU."""
    return _answers(model, model.features, images, rows, device)


def refuse_infinite(logits: NDArray[np.float64]) -> None:
    """Raise FloatingPointError where an answer is NaN or infinite."""
    # The last step of an epoch can ruin a network whose loss was a number until then.
    if not np.isfinite(logits).all():
        raise FloatingPointError(
            "the network's answers are NaN or infinite: give a lower learning rate (--learning-rates)"
        )


@torch.no_grad()
def _answers(
    model: Classifier, ask: Callable[[Tensor], Tensor], images: Images, rows: Rows, device: torch.device
) -> Tensor:
    model.eval()
    answers = []
    for _, pixels in images.plain(rows):
        with autocast(device):
            answers.append(ask(_input(pixels, device)).float())
    return torch.cat(answers).cpu()


def _input(pixels: Pixels, device: torch.device) -> Tensor:
    moved = torch.from_numpy(pixels).to(device, non_blocking=True)
    return to_network(moved, None).contiguous(memory_format=torch.channels_last)
