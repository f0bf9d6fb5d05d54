"""A step as a user of PyTorch would write it, and pcrl's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.optim import SGD

from pcrl.config import Recipe
from pcrl.models.precision import in_use
from pcrl.training.objectives.objective import Keys, Moment
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.ranks.exchange import Exchange
from pcrl.training.ranks.world import ALONE
from pcrl.training.stepping.compiled import forward_of
from pcrl.training.stepping.step import Stepper
from stepping.work import Work

Step = Callable[[], Tensor]
"""Changes the weights; gives the loss, which may not be there yet."""
_MOMENT = Moment(0, 240)


def step_of(work: Work, recipe: Recipe) -> Step:
    """The step of a row."""
    return _own(work, recipe) if work.row.own else _plain(work, recipe)


def stepper_of(work: Work, recipe: Recipe) -> Stepper:
    """pcrl's, as its trainer has it, but for what the row does without."""
    compile_ = "on" if work.row.compiled else "off"
    batch = work.views.target.shape[0]
    training = recipe.training.model_copy(update={"compile": compile_, "batch_size": batch, "accumulate": 1})
    optimizer = build_optimizer(work.parameters, training) if work.row.fused else _sgd(work, recipe)
    exchange = Exchange(ALONE, work.parameters, ())
    forward = forward_of(work.objective, training, work.device, print)
    return Stepper(work.network, work.objective, optimizer, training, exchange, work.device, forward)


def _own(work: Work, recipe: Recipe) -> Step:
    work.draw_levels_here()
    stepper = stepper_of(work, recipe)
    keys = Keys(0, np.zeros(work.views.target.shape[0], np.uint64))
    place = stepper.names.index("loss")
    return lambda: stepper.step(work.views, keys, _MOMENT).values[place]


def _plain(work: Work, recipe: Recipe) -> Step:
    network, objective, views = work.network, work.objective, work.views
    forward = torch.compile(objective, dynamic=False) if work.row.compiled else objective
    optimizer = _sgd(work, recipe)
    kind = work.device.type
    autocast = work.row.autocast and in_use(work.device) == torch.bfloat16

    def step() -> Tensor:
        draws = work.draws()
        with network.merged(), torch.autocast(kind, torch.bfloat16, enabled=autocast):
            outputs = forward(network, views, draws)
        loss = objective.loss(outputs, views, draws, _MOMENT).total
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def _sgd(work: Work, recipe: Recipe) -> SGD:
    training = recipe.training
    return SGD(
        work.parameters,
        training.learning_rate,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
    )
