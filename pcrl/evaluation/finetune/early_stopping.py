"""Choosing the epoch with the best validation score, and ending when none is better any more."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

Score = tuple[float, ...]
"""Larger is better; where the first numbers are equal, the next ones decide."""


class EarlyStopping:
    """Keeps the best state of a module. Where there are no validation patients, the last epoch is kept.

    Args:
        patience: epochs without a better score after which training ends.
        minimum: epochs before which training does not end.
    """

    def __init__(self, module: nn.Module, patience: int, minimum: int = 0) -> None:
        self.module, self.patience, self.minimum = module, patience, minimum
        self.chosen_epoch = 0
        self.history: list[tuple[int, Score]] = []
        """Epochs that were validated, and their scores."""
        self.kept: dict[str, Any] | None = None

    @property
    def best(self) -> Score | None:
        """The best score so far."""
        return max((score for _, score in self.history), default=None)

    def should_continue(self, epoch: int, score: Score) -> bool:
        """Take in the score of an epoch, and return whether training should continue."""
        best = self.best
        self.history.append((epoch, score))
        if best is None or score > best:
            self.chosen_epoch = epoch
            self.kept = copy.deepcopy(self.module.state_dict())
        return epoch < self.minimum or epoch - self.chosen_epoch < self.patience

    def restore(self) -> None:
        """Put the best state back."""
        if self.kept is not None:
            self.module.load_state_dict(self.kept)
