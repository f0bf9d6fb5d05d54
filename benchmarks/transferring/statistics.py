"""Paired comparisons in which the patient is the unit: sign-flip test, bootstrap, Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
EXACT = 16
"""Up to so many pairs all sign patterns are gone through."""
FLIPS = 100_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of paired differences, its 95 % interval, two-sided p, and in how many pairs the first was higher."""

    mean: float
    low: float
    high: float
    p: float
    higher: int
    pairs: int


def sign_flip(differences: Values, seed: int = 0) -> float:
    """Two-sided p of a mean this far from 0 if every difference could as well have had the other sign.

    Exact up to `EXACT` pairs; beyond, of `FLIPS` random patterns, of which the one observed counts as one more.
    """
    count = len(differences)
    # Patterns that tie with the observed one must count, whatever the rounding.
    observed = abs(differences.sum()) * (1 - 1e-12)
    if count <= EXACT:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float((np.abs(signs @ differences) >= observed).mean())
    rng = np.random.default_rng(seed)
    reached = 0
    for _ in range(FLIPS // 1000):
        signs = rng.choice(np.array([-1.0, 1.0]), size=(1000, count))
        reached += int((np.abs(signs @ differences) >= observed).sum())
    return (reached + 1) / (FLIPS + 1)


def bootstrap(differences: Values, samples: int, seed: int = 0) -> tuple[float, float]:
    """2.5 and 97.5 percentiles of the mean over resampled patients."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(differences), (samples, len(differences)))
    low, high = np.percentile(differences[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def compare(first: Values, second: Values, samples: int) -> Difference:
    """First minus second, patient by patient; both (patients,)."""
    differences = np.asarray(first, float) - np.asarray(second, float)
    low, high = bootstrap(differences, samples)
    return Difference(
        float(differences.mean()),
        low,
        high,
        sign_flip(differences),
        int((differences > 0).sum()),
        len(differences),
    )


def holm(values: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected for how many there are (Holm 1979)."""
    corrected, highest = {}, 0.0
    for rank, name in enumerate(sorted(values, key=lambda name: values[name])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[name]))
        corrected[name] = highest
    return corrected


def area(labels: Sequence[int], dice: Values) -> Values:
    """Area under Dice over log2 of the labelled patients, from 0 to 1: the mean Dice over that range.

    Args:
        dice: (numbers of labels, patients).
    """
    x = np.log2(np.asarray(labels, float))
    if len(x) == 1:
        return np.asarray(dice[0], float)
    return np.asarray(np.trapezoid(dice, x, axis=0) / (x[-1] - x[0]), float)
