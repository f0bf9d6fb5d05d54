"""An arm: one way to start and to train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

LONGER, AT_MOST = 5, 10
"""`scratch-long` trains for at least, and at most, this many times the epochs, until validation no longer improves."""
State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to start, and to train.

    Args:
        name: as in tables, and in names of files.
        about: what the weights are at the start, in words.
        state: weights of the encoder; none: from scratch.
        checkpoint: where they are from.
        longer: trained to its plateau, at `LONGER` times the epochs or more.
        permuted: the values of each tensor are permuted: weights of the same scale, without what was learnt.
        shuffled: is trained on labels of other images; if it scores better than guessing, the evaluation measures
            something other than what was learnt from labels.
    """

    name: str
    about: str
    state: State | None = None
    checkpoint: Path | None = None
    longer: bool = False
    permuted: bool = False
    shuffled: bool = False

    def start(self, seed: int) -> State | None:
        """The weights to start from with a seed."""
        if self.state is None or not self.permuted:
            return self.state
        return permuted(self.state, seed)


def permuted(state: State, seed: int) -> State:
    """The same values in every tensor, at other places. Variances stay positive, counts stay counts."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: value.reshape(-1)[torch.randperm(value.numel(), generator=generator)].reshape(value.shape)
        for name, value in state.items()
    }
