"""The interface of an objective: one way to learn from unlabelled views."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pcrl.models.networks import Network

Draws = Mapping[str, Any]
"""What was drawn on the host: whole numbers, and NumPy arrays, which reach `forward` as tensors on the device."""
Scalars = Mapping[str, Tensor]
"""Single values by name, on the device; NaN where a step has none."""


class Keys(NamedTuple):
    """The keys of the random draws of a step: with the same keys an objective draws the same.

    Args:
        step: key of the step as a whole.
        samples: (batch,) uint64, key of each sample, whatever batch it is in.
    """

    step: int
    samples: NDArray[np.uint64]


class Views(NamedTuple):
    """What a step is given, on the device, as the network takes it.

    Args:
        globals: (2, batch, channels, *spatial), the two corrupted global views.
        target: (batch, channels, *spatial), view 1 before it was corrupted.
        locals: (locals, batch, channels, *spatial); none if the objective does not use local views.
    """

    globals: Tensor
    target: Tensor
    locals: Tensor


class Moment(NamedTuple):
    """When a step is: in which epoch of how many, and which step of the epoch of how many, all counted from 0."""

    epoch: int
    epochs: int
    step: int = 0
    steps: int = 1


class Loss(NamedTuple):
    """What a step came to: the loss, with its gradient, and what is logged beside it."""

    total: Tensor
    scalars: Scalars


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a logged scalar.

    Args:
        text: what it is, and which way is better.
        shown: it is shown while training goes on, not only logged.
    """

    text: str
    shown: bool = False


class Objective(nn.Module, ABC):
    """One way to learn.

    Modules and buffers that it has beside the network (an expander, a target network) are attributes of it, as of any
    module: they are moved to the device, trained where they require a gradient, and checkpointed with the rest.
    """

    mean_over_samples: ClassVar[bool] = True
    """Whether the loss is a mean over the samples of the batch, so that several devices, or several smaller batches one
    after the other, may average theirs. Not so where samples are compared with each other."""
    uses_locals: bool = False
    """Whether local views are used; else they are not brought to the device."""

    def draw(self, keys: Keys) -> Draws:
        """Draw on the host what is random in a step beside its views."""
        return {}

    @abstractmethod
    def forward(self, network: Network, views: Views, draws: Draws) -> Any:
        """What the network makes of the views: all of a step that can be compiled, in the numbers of the network."""

    @abstractmethod
    def loss(self, outputs: Any, views: Views, draws: Draws, moment: Moment) -> Loss:
        """The loss of what `forward` gave, in float32; nothing here waits for the device."""

    @abstractmethod
    def readings(self) -> Mapping[str, Reading]:
        """Every scalar that `loss` gives, by name, in the order of the log; `loss` itself is one of them."""

    def after_step(self, network: Network, moment: Moment) -> None:
        """What is done after the weights have changed, such as moving a target network after the network."""

    @abstractmethod
    def pictures(self, outputs: Any, views: Views, draws: Draws) -> Mapping[str, Tensor]:
        """Images to show, by title: (batch, channels, *spatial) each, in the values of the network."""
