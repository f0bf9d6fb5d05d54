"""How the values of patients are summed up and compared: by their mean, or by their median where some are the worst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, rankdata

from pcrl.evaluation.records.results import Interval
from pcrl.evaluation.statistics.bootstrap import FEWEST_PATIENTS
from pcrl.evaluation.statistics.paired import Values, mean_interval, sign_flip

_DECIMALS = 9
"""Differences that agree so far are ties: sums in another order differ in the last bits."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands for all patients, of their values (n,) or of their differences.

    Args:
        middle: of at least one value.
        interval: 95 % of the middle.
        p: two-sided, of differences of which none would be as likely positive as negative.
        spread: whether a standard deviation goes with it.
    """

    middle: Callable[[Values], float]
    interval: Callable[[Values], Interval | None]
    p: Callable[[Values], float | None]
    spread: bool


def median_interval(values: Values) -> Interval | None:
    """95 % interval of the median of the patients' values (n,); None with fewer than ten.

    From the k-th lowest to the k-th highest value, k as large as leaves 2.5 % to either side for any distribution
    (David and Nagaraja, Order Statistics, 7.1). However far off the worst values are, they are only the highest.
    """
    count = len(values)
    if count < FEWEST_PATIENTS:
        return None
    ordered, k = np.sort(values), int(binom.ppf(0.025, count, 0.5))
    return float(ordered[k - 1]), float(ordered[count - k])


def signed_rank(differences: Values) -> float | None:
    """Two-sided p of Wilcoxon's signed-rank test of the patients' differences (n,); None with fewer than six.

    Differences of zero are ranked, and belong to neither side (Pratt 1959); equal ones share their mean rank. All
    flips of signs are counted up to 14 patients, 10,000 seeded ones are drawn beyond.
    """
    rounded = np.round(differences, _DECIMALS)
    return sign_flip(np.sign(rounded) * rankdata(np.abs(rounded)))


BY_MEAN = Summary(lambda values: float(values.mean()), mean_interval, sign_flip, spread=True)
BY_MEDIAN = Summary(lambda values: float(np.median(values)), median_interval, signed_rank, spread=False)
