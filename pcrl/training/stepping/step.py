"""One step: draw, forward, loss, backward, exchange with other ranks, update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from pcrl.config import Training
from pcrl.models.networks import Network
from pcrl.models.precision import autocast, float32
from pcrl.training.feeding.views import on_device
from pcrl.training.objectives.objective import Draws, Keys, Moment, Objective, Views
from pcrl.training.optimizers.schedule import learning_rate
from pcrl.training.ranks.exchange import Exchange

Forward = Callable[[Network, Views, Draws], Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What a step came to.

    Args:
        values: (readings,) what is logged, in the order of the objective's readings, on the device.
        norm: of the gradients before they are clipped, of all ranks together, on the device.
        stop: all ranks end after this step.
        pictures: what the last part of the batch looks like, if that was wished.
    """

    values: Tensor
    norm: Tensor
    stop: bool
    pictures: Mapping[str, Tensor] | None


class Stepper:
    """Changes the weights of a network, step by step.

    Args:
        forward: the objective, or what has been compiled of it.
        exchange: with other ranks; its gradients are those of all that `optimizer` changes.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        optimizer: Optimizer,
        training: Training,
        exchange: Exchange,
        device: torch.device,
        forward: Forward | None = None,
    ) -> None:
        self.network, self.objective, self.optimizer = network, objective, optimizer
        self.training, self.exchange, self.device = training, exchange, device
        self.forward: Forward = objective if forward is None else forward
        self.names = list(objective.readings())

    def step(
        self, views: Views, keys: Keys, moment: Moment, stop: bool = False, pictures: bool = False
    ) -> Done:
        """Do one step. With several ranks it waits for the step before the last, else for nothing.

        Args:
            views: of this rank's share of the batch.
            keys: of the step, and of the samples of that share.
            stop: this rank wishes to end the run.
            pictures: make some.
        """
        training, gradients = self.training, self.exchange.gradients
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(training, moment.epoch, moment.step, moment.steps)
        gradients.clear()
        # Nothing else is kept of a part: what its outputs hold on to is as large as the network's features.
        parts = [
            self._backward(part, part_keys, moment, pictures)
            for part, part_keys in _parts(views, keys, training.accumulate)
        ]
        stop = self.exchange.average(stop)
        norm = gradients.norm()
        if training.clip_norm is not None:
            gradients.scale_to(training.clip_norm, norm)
        self.optimizer.step()
        self.objective.after_step(self.network, moment)
        values = [values for values, _ in parts]
        mean = values[0] if len(values) == 1 else torch.stack(values).nanmean(0)
        return Done(mean, norm, stop, parts[-1][1])

    def _backward(
        self, views: Views, keys: Keys, moment: Moment, wanted: bool
    ) -> tuple[Tensor, Mapping[str, Tensor] | None]:
        """Add the gradients of a part of the batch; what is logged of it, and its pictures."""
        draws = on_device(self.objective.draw(keys), self.device)
        with self.network.merged(), autocast(self.device):
            outputs = self.forward(self.network, views, draws)
        with float32(self.device):
            loss = self.objective.loss(outputs, views, draws, moment)
        (loss.total / self.training.accumulate).backward()
        pictures = None
        if wanted:
            shown = self.objective.pictures(outputs, views, draws)
            pictures = {name: image.detach() for name, image in shown.items()}
        return torch.stack([loss.scalars[name].detach().float() for name in self.names]), pictures


def _parts(views: Views, keys: Keys, count: int) -> Iterator[tuple[Views, Keys]]:
    """The batch in so many parts, each with the keys of its samples."""
    if count == 1:
        yield views, keys
        return
    parts = zip(
        views.globals.chunk(count, 1), views.target.chunk(count), views.locals.chunk(count, 1),
        np.split(keys.samples, count), strict=True,
    )  # fmt: skip
    for globals_, target, locals_, samples in parts:
        yield Views(globals_, target, locals_), Keys(keys.step, samples)
