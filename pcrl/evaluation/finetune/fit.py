"""The one training loop of all tasks: Adam, the rate halved in steps (as published), the best epoch kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn

from pcrl.config import Classification, FineTuning
from pcrl.config.volumes import CandidateTuning
from pcrl.evaluation.finetune.early_stopping import EarlyStopping, Score
from pcrl.evaluation.finetune.norms import settle
from pcrl.evaluation.finetune.state import is_kept, restore_state, save_state

SAVE_EVERY = 60.0
"""Seconds of training that a kill may cost."""
Batch = TypeVar("Batch")
Show = Callable[[int, float, float | None], None]
"""Called with (epoch, mean loss, first number of the validation score if there is one)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long, and how fast.

    Args:
        minimum: epochs before which training does not end.
        validate_every: epochs between two validations; the last epoch is always validated.
        frozen: the encoder stays as it is, its statistics included.
        encoder_rate: the encoder's learning rate as a share of that of all else.
        fewest_steps: of an epoch: a training set of fewer batches is gone through several times, each time drawn anew.
        norm_batches: of training data, at most, over which BatchNorm's statistics are taken anew before each validation
            and at the end; 0: they stay as training left them.
    """

    epochs: int
    learning_rate: float
    halve_every: int
    patience: int
    minimum: int = 0
    validate_every: int = 1
    frozen: bool = False
    encoder_rate: float = 1.0
    fewest_steps: int = 0
    norm_batches: int = 0

    @classmethod
    def of(cls, settings: FineTuning | CandidateTuning | Classification, validate_every: int = 1) -> Schedule:
        """As a recipe says."""
        return cls(
            settings.epochs,
            settings.learning_rate,
            settings.halve_every,
            settings.patience,
            validate_every=validate_every,
            encoder_rate=settings.encoder_rate,
            fewest_steps=settings.fewest_steps,
            norm_batches=settings.norm_batches,
        )


@dataclass(frozen=True, slots=True)
class History:
    """How a training went.

    Args:
        losses: mean of each epoch.
        validations: epoch and score of validation patients, in the epochs that were validated.
        stopped: `early` when no epoch had been better for a while, `limit` when all epochs were done.
        steps: of the optimiser, in all epochs; none where a part of them was done by a version that did not count.
    """

    losses: tuple[float, ...]
    validations: tuple[tuple[int, Score], ...]
    chosen_epoch: int
    stopped: Literal["early", "limit"]
    steps: int | None = None

    @property
    def best(self) -> Score | None:
        """The best score; none where there are no validation patients."""
        return max((score for _, score in self.validations), default=None)


class Learner(Protocol[Batch]):
    """What a task brings to its training."""

    @property
    def module(self) -> nn.Module:
        """What is trained; its `encoder`, if it has one, can be frozen."""

    @property
    def criterion(self) -> str:
        """What the validation score is, in words."""

    @property
    def steps(self) -> int:
        """How many batches the training set has."""

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The training set once, in batches: the same for the same epoch, whatever came before."""

    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch."""

    def show_training(self, batches: int) -> None:
        """Send training data through the network, so many batches at most: not augmented, the same at every call."""

    def validate(self) -> Score | None:
        """The score of the validation patients; none if there are none."""

    def finish(self) -> None:
        """Called once, after training, with the best state in place, or after it failed."""


def fit(learner: Learner[Any], schedule: Schedule, keep: Path | None, show: Show) -> History:
    """Train `learner.module` in place, and leave it in the state of its best epoch.

    Args:
        keep: folder in which the state of an unfinished training is kept, and found; its owner removes it.

    Raises:
        FloatingPointError: the loss became NaN or infinite.
    """
    module = learner.module
    optimizer = torch.optim.Adam(_groups(module, schedule), lr=schedule.learning_rate)
    stopping = EarlyStopping(module, schedule.patience, schedule.minimum)
    losses: list[float] = []
    go_on = validates = True
    steps: int | None = 0
    if keep is not None and is_kept(keep):
        losses, go_on, steps = restore_state(keep, module, optimizer, stopping)
    frozen = _encoder(module) if schedule.frozen else None
    passes = -(-schedule.fewest_steps // learner.steps) if schedule.fewest_steps else 1
    saved = time.monotonic()
    while go_on and len(losses) < schedule.epochs:
        epoch = len(losses) + 1
        for group in optimizer.param_groups:
            group["lr"] = (
                schedule.learning_rate * group["share"] * 0.5 ** ((epoch - 1) // schedule.halve_every)
            )
        loss, count = _epoch(learner, optimizer, frozen, epoch, passes)
        losses.append(loss)
        steps = None if steps is None else steps + count
        # The last epoch is always due: what it leaves is scored where nobody validates.
        due = epoch % schedule.validate_every == 0 or epoch == schedule.epochs
        if due and schedule.norm_batches and (validates or epoch == schedule.epochs):
            settle(module, frozen, learner.show_training, schedule.norm_batches)
        if due:
            score = learner.validate()
            validates = score is not None
            if score is not None:
                go_on = stopping.should_continue(epoch, score)
        last = stopping.history[-1][1][0] if stopping.history else None
        ended = not go_on or epoch == schedule.epochs
        if keep is not None and (ended or time.monotonic() - saved > SAVE_EVERY):
            save_state(keep, module, optimizer, stopping, losses, go_on, steps)
            saved = time.monotonic()
        show(epoch, losses[-1], last)
    stopping.restore()
    chosen = stopping.chosen_epoch or len(losses)
    return History(tuple(losses), tuple(stopping.history), chosen, "limit" if go_on else "early", steps)


def _epoch(
    learner: Learner[Any], optimizer: torch.optim.Optimizer, frozen: nn.Module | None, epoch: int, passes: int
) -> tuple[float, int]:
    """Mean loss, and number of steps, of an epoch that goes through the training set so many times."""
    learner.module.train()
    if frozen is not None:
        # BatchNorm would otherwise use, and change, statistics of the batch.
        frozen.eval()
    values = []
    first = (epoch - 1) * passes + 1
    for batch in chain.from_iterable(learner.batches(first + n) for n in range(passes)):
        loss = learner.loss(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        values.append(loss.detach())
    mean = float(torch.stack(values).mean())
    if not math.isfinite(mean):
        raise FloatingPointError(
            f"the loss of epoch {epoch} is {mean} at a learning rate of {optimizer.param_groups[0]['lr']:g}: give a "
            "lower one (--learning-rates)"
        )
    return mean, len(values)


def _encoder(module: nn.Module) -> nn.Module | None:
    """None where the module is only what stands behind the encoder, as in a linear probe."""
    encoder = getattr(module, "encoder", None)
    assert encoder is None or isinstance(encoder, nn.Module)
    return encoder


def _groups(module: nn.Module, schedule: Schedule) -> list[dict[str, Any]]:
    """What is trained: the encoder, unless it is frozen, at its share of the rate, and all else."""
    encoder = _encoder(module)
    inside = list(encoder.parameters()) if encoder is not None else []
    behind = [parameter for parameter in module.parameters() if not any(parameter is one for one in inside)]
    groups = [{"params": behind, "share": 1.0}]
    if schedule.frozen:
        for parameter in inside:
            parameter.requires_grad_(False)
    elif inside:
        groups.append({"params": inside, "share": schedule.encoder_rate})
    return groups
