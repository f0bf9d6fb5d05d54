"""Fine-tuning of a segmentation network; the model that validation patients like best is kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pcrl.config import FineTuning, Size
from pcrl.evaluation.augment import augment
from pcrl.evaluation.metrics import compare
from pcrl.evaluation.predict import probabilities
from pcrl.evaluation.volumes import Volume, draw_patch
from pcrl.models.unet3d import UNet3D

VALIDATIONS = 5
"""How often validation patients are asked in the course of a training."""


@dataclass(frozen=True, slots=True)
class History:
    """Mean loss of each epoch, and mean Dice of validation patients at the epochs where they were asked."""

    losses: tuple[float, ...]
    validations: tuple[tuple[int, float], ...]
    chosen_epoch: int


def finetune(
    model: UNet3D,
    train: Sequence[Volume],
    validation: Sequence[Volume],
    settings: FineTuning,
    seed: int,
    device: torch.device,
    show: Callable[[int, float], None],
) -> History:
    """Train in place with Adam on Dice + cross-entropy (published: Adam, rate halved in steps).

    Without validation patients the last epoch is kept.

    Raises:
        FloatingPointError: the loss became NaN or infinite.
    """
    from monai.losses.dice import DiceCELoss

    rng = np.random.default_rng([seed, 1])
    model.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, settings.halve_every, 0.5)
    every = max(1, settings.epochs // VALIDATIONS)
    losses, validations = [], []
    best, kept, chosen = -math.inf, None, settings.epochs
    for epoch in range(1, settings.epochs + 1):
        model.train()
        order = rng.permutation(np.repeat(np.arange(len(train)), settings.samples_per_case))
        values = []
        for start in range(0, len(order), settings.batch_size):
            patches = [
                draw_patch(train[i], settings.patch, rng) for i in order[start : start + settings.batch_size]
            ]
            image = torch.from_numpy(np.stack([patch[0] for patch in patches])).to(device)
            label = torch.from_numpy(np.stack([patch[1] for patch in patches])).to(device)
            image, label = augment(image, label, rng)
            loss = loss_of(model(image), label[:, None])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            values.append(loss.detach())
        schedule.step()
        losses.append(float(torch.stack(values).mean()))
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(
                f"the loss of epoch {epoch} is {losses[-1]}: lower finetuning.learning_rate"
            )
        if validation and (epoch % every == 0 or epoch == settings.epochs):
            score = _mean_dice(model, validation, settings.patch, settings.overlap, device)
            validations.append((epoch, score))
            if score > best:
                best, kept, chosen = score, copy.deepcopy(model.state_dict()), epoch
        show(epoch, losses[-1])
    if kept is not None:
        model.load_state_dict(kept)
    return History(tuple(losses), tuple(validations), chosen)


def _mean_dice(
    model: UNet3D, volumes: Sequence[Volume], patch: Size, overlap: float, device: torch.device
) -> float:
    """Mean over volumes and classes, on the cache's grid."""
    scores = []
    for volume in volumes:
        predicted = probabilities(model, volume.image, patch, overlap, device).argmax(axis=0)
        for number in range(1, model.classifier.out_channels):
            scores.append(compare(predicted == number, volume.label == number, (1.0, 1.0, 1.0)).dice)
    return float(np.mean(scores))
