"""Tier 1: does the machinery transfer? Dice on virtual patients over the number of labelled ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from pcrl.config import VolumeRecipe
from pcrl.datasets.sample.virtual.anatomy import ORGANS
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.evaluation.tasks.segmentation.target import Target
from transferring.arms import ARMS, TRIED, states_of
from transferring.ledger import Ledger
from transferring.pretraining import State
from transferring.scoring import patient_means, score
from transferring.settings import Budget
from transferring.tuning import Volume, tune

TARGET = Target.of_values(dict(enumerate(ORGANS, 1)))
DEVELOPMENT_SEED = 1000
"""Of fine-tuning on development patients; others than those of the comparison, which count from 0."""
Means = dict[str, dict[int, dict[str, np.ndarray]]]
"""Arm → number of labelled patients → seeds → (patients,) Dice."""


class Comparison:
    """What every fine-tuning of the tier shares."""

    def __init__(
        self,
        pretrained: Mapping[tuple[str, int], State],
        recipe: VolumeRecipe,
        budget: Budget,
        ledger: Ledger,
        device: torch.device,
    ) -> None:
        self.pretrained, self.recipe, self.budget = pretrained, recipe, budget
        self.ledger, self.device = ledger, device

    def rates(self, train: Sequence[CachedCase], test: Sequence[Volume]) -> dict[str, float]:
        """The learning rate that did best for each arm on development patients: same trials for each."""
        chosen = {}
        train = train[: min(4, len(train))]
        for name in TRIED:
            tried = {}
            for rate in self.budget.rates:
                means = self._run(f"rates/{name}/{rate:g}", name, 0, DEVELOPMENT_SEED, train, test, rate)
                if means is not None:
                    tried[rate] = float(means.mean())
            chosen[name] = max(tried, key=lambda rate: tried[rate]) if tried else self.budget.rates[0]
        chosen["shuffled labels"] = chosen["pre-trained"]
        return chosen

    def curves(self, pool: Sequence[CachedCase], test: Sequence[Volume], rates: Mapping[str, float]) -> Means:
        """Fine-tune and score every arm with every number of labels and every seed; the order of runs mixes arms."""
        found: Means = {name: {} for name in ARMS}
        for count in self.budget.labels:
            for seed in range(self.budget.finetuning_seeds):
                # The first n of a seeded order: smaller subsets are part of larger ones, the same for all arms.
                order = np.random.default_rng([seed, 2]).permutation(len(pool))
                train = [pool[n] for n in order[:count]]
                for name, arm in ARMS.items():
                    if arm.shuffle and count != max(self.budget.labels):
                        continue
                    for start in range(len(states_of(arm, self.pretrained, self.budget))):
                        run = f"labels/{name}/{count:02}-labels/start-{start}-seed-{seed}"
                        means = self._run(run, name, start, seed, train, test, rates[name])
                        if means is not None:
                            found[name].setdefault(count, {})[f"{start}-{seed}"] = means
        return found

    def _run(
        self,
        run: str,
        name: str,
        start: int,
        seed: int,
        train: Sequence[CachedCase],
        test: Sequence[Volume],
        rate: float,
    ) -> np.ndarray | None:
        arm, budget = ARMS[name], self.budget

        def work() -> dict[str, object]:
            state = states_of(arm, self.pretrained, budget)[start]
            model, losses = tune(
                state, train, TARGET, self.recipe, budget,
                rate=rate, longer=budget.longer if arm.longer else 1, seed=seed, device=self.device,
                shuffled=arm.shuffle,
            )  # fmt: skip
            return {
                "rate": rate,
                "train": [case.patient for case in train],
                "losses": losses,
                "scores": score(model, test, TARGET, self.device),
            }

        result = self.ledger.do(run, work)
        return None if result is None else patient_means(result["scores"])
