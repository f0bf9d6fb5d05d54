"""Paired comparisons in which the patient is the unit: sign-flip test, bootstrap, Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transferring.paired import mean_interval, sign_flip

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of paired differences, its 95 % interval, two-sided p, and in how many pairs the first was higher."""

    mean: float
    low: float
    high: float
    p: float
    higher: int
    pairs: int


def compare(first: Values, second: Values) -> Difference:
    """First minus second, patient by patient; both (patients,), six of them or more."""
    differences = np.asarray(first, float) - np.asarray(second, float)
    low, high = interval(differences)
    p = sign_flip(differences)
    assert p is not None
    return Difference(
        float(differences.mean()),
        low,
        high,
        p,
        int((differences > 0).sum()),
        len(differences),
    )


def interval(values: Values) -> tuple[float, float]:
    """95 % interval of the mean over patients; NaN with fewer than ten."""
    return mean_interval(values) or (float("nan"), float("nan"))


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
