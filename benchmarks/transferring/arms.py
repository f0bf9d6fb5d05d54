"""The ways to begin a fine-tuning that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pcrl.evaluation.arms.arm import State, permuted
from transferring.settings import Budget

SEEDS = 7
"""Permutation n is seeded with n · SEEDS + 1, so that none shares the seed of a training."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way.

    Args:
        weights: objective whose weights it begins with; none is from scratch.
        longer: trained to its plateau.
    """

    weights: str | None
    permute: bool = False
    longer: bool = False
    shuffle: bool = False


ARMS: Mapping[str, Arm] = {
    "pre-trained": Arm("both"),
    "from scratch": Arm(None),
    "from scratch, plateau": Arm(None, longer=True),
    "permuted": Arm("both", permute=True),
    "restoration only": Arm("restoration"),
    "comparison only": Arm("comparison"),
    "shuffled labels": Arm("both", shuffle=True),
}
TRIED = {name: arm for name, arm in ARMS.items() if not arm.shuffle}
"""Arms that try learning rates; shuffled labels take that of the pre-trained."""


def states_of(arm: Arm, pretrained: Mapping[tuple[str, int], State], budget: Budget) -> list[State | None]:
    """The weights that an arm begins with, one a seed of pre-training; from scratch there are none, once."""
    if arm.weights is None:
        return [None]
    found: list[State | None] = []
    for seed in range(budget.pretraining_seeds):
        state = pretrained[arm.weights, seed]
        found.append(permuted(state, seed * SEEDS + 1) if arm.permute else state)
    return found
