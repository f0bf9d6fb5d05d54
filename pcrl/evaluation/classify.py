"""Fine-tuning of a classifier of images, and its answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.config import Classification
from pcrl.evaluation.early_stopping import EarlyStopping, masked_loss
from pcrl.models.classifier import Classifier
from pcrl.models.inputs import to_network

Rows = NDArray[np.int64]
Pixels = NDArray[np.float32]
Show = Callable[[int, float, float | None], None]
"""Called with (epoch, loss, mean AUROC of validation images if there is one)."""


class Images(Protocol):
    """Where images come from; see `pcrl.evaluation.image_batches`."""

    def augmented(self, rows: Rows, seed: int, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for training."""

    def plain(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for scoring."""


@dataclass(frozen=True, slots=True)
class Task:
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


@dataclass(frozen=True, slots=True)
class History:
    """How a training went.

    Args:
        losses: mean of each epoch.
        validations: loss and mean AUROC of validation images, of each epoch.
        criterion: by what the epoch was chosen.
    """

    losses: tuple[float, ...]
    validations: tuple[tuple[float, float | None], ...]
    chosen_epoch: int
    criterion: str


def finetune(
    model: Classifier,
    images: Images,
    task: Task,
    settings: Classification,
    seed: int,
    device: torch.device,
    show: Show,
) -> History:
    """Train in place with Adam, the learning rate halved in steps (as published), and keep the best epoch.

    Raises:
        FloatingPointError: the loss became NaN or infinite.
    """
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, settings.halve_every, 0.5)
    stopping = EarlyStopping(model, task.targets[task.validation], task.scored, settings.patience)
    losses: list[float] = []
    for epoch in range(1, settings.epochs + 1):
        model.train()
        values = []
        for rows, pixels in images.augmented(task.train, seed, epoch):
            targets = torch.from_numpy(task.targets[rows]).to(device, non_blocking=True)
            with _autocast(device):
                logits = model(_input(pixels, device))
            loss = masked_loss(logits, targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            values.append(loss.detach())
        schedule.step()
        losses.append(finite(float(torch.stack(values).mean()), epoch))
        go_on = True
        if len(task.validation):
            go_on = stopping.better_is_near(epoch, predict(model, images, task.validation, device))
        show(epoch, losses[-1], stopping.history[-1][1] if stopping.history else None)
        if not go_on:
            break
    return history_of(losses, stopping)


def history_of(losses: Sequence[float], stopping: EarlyStopping) -> History:
    """What there is to say of a training that has ended; puts its best state back."""
    stopping.restore()
    chosen = stopping.chosen_epoch or len(losses)
    return History(tuple(losses), tuple(stopping.history), chosen, stopping.criterion)


def finite(loss: float, epoch: int) -> float:
    """The loss, if it is a number.

    Raises:
        FloatingPointError: it is none.
    """
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss of epoch {epoch} is {loss}: lower finetuning.learning_rate")
    return loss


def predict(model: Classifier, images: Images, rows: Rows, device: torch.device) -> NDArray[np.float64]:
    """Logits (images, labels) of the middle of each image."""
    return _answers(model, model, images, rows, device).double().numpy()


def features(model: Classifier, images: Images, rows: Rows, device: torch.device) -> Tensor:
    """What the linear layer is given of the middle of each image: (images, channels) float32, on the CPU."""
    return _answers(model, model.features, images, rows, device)


@torch.no_grad()
def _answers(
    model: Classifier, ask: Callable[[Tensor], Tensor], images: Images, rows: Rows, device: torch.device
) -> Tensor:
    model.eval()
    answers = []
    for _, pixels in images.plain(rows):
        with _autocast(device):
            answers.append(ask(_input(pixels, device)).float())
    return torch.cat(answers).cpu()


def _input(pixels: Pixels, device: torch.device) -> Tensor:
    moved = torch.from_numpy(pixels).to(device, non_blocking=True)
    return to_network(moved, None).contiguous(memory_format=torch.channels_last)


def _autocast(device: torch.device) -> Any:
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
