"""Tier 1 in numbers: areas under curves, and the paired differences that the protocol asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from transferring.labels import Means
from transferring.settings import Budget
from transferring.statistics import Difference, area, compare, holm, interval

PRIMARY = ("pre-trained", "from scratch")
SECONDARY = (
    ("pre-trained", "from scratch, plateau"),
    ("pre-trained", "permuted"),
    ("restoration only", "from scratch"),
    ("comparison only", "from scratch"),
    ("pre-trained", "restoration only"),
    ("pre-trained", "comparison only"),
)
MARGIN = 0.01
"""Of area: less is no help whatever its p."""
CHANCE = 0.05
"""Mean Dice at or below which shuffled labels have fallen to chance."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What tier 1 found.

    Args:
        dice: arm → number of labels → mean Dice over patients.
        areas: arm → mean and interval; arms without a run at every number of labels have none.
        differences: pair → difference in area; `corrected`: Holm's p of the secondary ones.
        by_pretraining, by_tuning: pair → difference in area for each seed of pre-training, of fine-tuning, alone.
    """

    dice: dict[str, dict[int, float]]
    areas: dict[str, tuple[float, float, float]]
    differences: dict[tuple[str, str], Difference]
    corrected: dict[str, float]
    by_pretraining: dict[tuple[str, str], list[float]]
    by_tuning: dict[tuple[str, str], list[float]]

    def verdict(self) -> str:
        """Whether pre-training helped, by the rule of the protocol."""
        against = {
            second: self.differences.get(("pre-trained", second)) for second in ("from scratch", "permuted")
        }
        missing = [name for name, found in against.items() if found is None]
        if missing:
            return f"no verdict: runs are missing for {', '.join(missing)}"
        first, control = against["from scratch"], against["permuted"]
        assert first
        assert control
        # An interval over patients knows nothing of the chance that is in a seed: each has to agree.
        seeds = self.by_tuning[PRIMARY]
        if first.high < -MARGIN and max(seeds) < 0:
            return "pre-training harms here"
        if not (first.mean >= MARGIN and first.low > 0 and first.p < 0.05 and min(seeds) > 0):
            return "no help shown here"
        if not control.low > 0:
            return "better than from scratch, but not than permuted weights: the scale of weights, not what they found"
        return "pre-training helps here"


def summarise(means: Means, budget: Budget) -> Summary:
    """Average over seeds first, then compare patient by patient."""
    averaged = {
        name: {count: np.mean(list(seeds.values()), axis=0) for count, seeds in counts.items()}
        for name, counts in means.items()
    }
    areas = {name: found for name, counts in averaged.items() if (found := _area(counts, budget)) is not None}
    pairs = [pair for pair in (PRIMARY, *SECONDARY) if set(pair) <= set(areas)]
    differences = {pair: compare(areas[pair[0]], areas[pair[1]]) for pair in pairs}
    return Summary(
        dice={
            name: {count: float(v.mean()) for count, v in counts.items()} for name, counts in averaged.items()
        },
        areas={name: (float(v.mean()), *interval(v)) for name, v in areas.items()},
        differences=differences,
        corrected=holm({" − ".join(pair): differences[pair].p for pair in SECONDARY if pair in differences}),
        by_pretraining={pair: _by_seed(means, pair, 0, budget.pretraining_seeds, budget) for pair in pairs},
        by_tuning={pair: _by_seed(means, pair, 1, budget.finetuning_seeds, budget) for pair in pairs},
    )


def _area(counts: Mapping[int, np.ndarray], budget: Budget) -> np.ndarray | None:
    if not set(budget.labels) <= set(counts):
        return None
    return area(budget.labels, np.stack([counts[count] for count in budget.labels]))


def _by_seed(means: Means, pair: tuple[str, str], part: int, seeds: int, budget: Budget) -> list[float]:
    """Differences of mean areas for one seed at a time; an arm without such seeds is taken whole.

    Args:
        part: of a run's name: 0 its seed of pre-training, 1 that of fine-tuning.
    """
    found = []
    for seed in range(seeds):
        values = []
        for name in pair:
            counts = {}
            for count, runs in means[name].items():
                mine = [v for key, v in runs.items() if key.split("-")[part] == str(seed)] or list(
                    runs.values()
                )
                counts[count] = np.mean(mine, axis=0)
            values.append(_area(counts, budget))
        if all(value is not None for value in values):
            found.append(float(values[0].mean() - values[1].mean()))
    return found
