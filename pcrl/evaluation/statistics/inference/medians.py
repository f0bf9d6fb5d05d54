"""Intervals and tests of medians over patients, by order statistics: a jackknife of a median is inconsistent.

The median is taken in each seed, and these are averaged. In each seed the order statistics of the sign test enclose
the median, whatever the distribution. Their distances from it, averaged over seeds, are joined with the reach over
seeds (t) by adding squares (Zou and Donner 2008).
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, stdtrit

from pcrl.evaluation.statistics.inference.crossed import Values, t_sided


def median(values: Values) -> Values:
    """Mean over seeds of the median over patients, (…, seeds, patients) to (…,)."""
    return np.asarray(np.median(values, axis=-1).mean(axis=-1), np.float64)


def median_interval(values: Values, alpha: float = 0.05) -> tuple[Values, Values] | None:
    """Ends of the 1 − alpha interval of `median`, each (…,); None with too few patients for any order statistics."""
    seeds, patients = values.shape[-2:]
    rank = _rank(patients, alpha)
    if rank == 0:
        return None
    middle = median(values)
    low, high = _enclosing(values, rank)
    of_seeds = np.zeros_like(middle)
    if seeds > 1:
        of_seeds = stdtrit(seeds - 1, alpha / 2) ** 2 * _variance_of_seeds(values)
    return (
        np.asarray(middle - np.sqrt((middle - low) ** 2 + of_seeds), np.float64),
        np.asarray(middle + np.sqrt((high - middle) ** 2 + of_seeds), np.float64),
    )


def median_p(differences: Values) -> float:
    """The smallest alpha at which `median_interval` of (seeds, patients), two seeds or more, leaves out 0."""
    seeds, patients = differences.shape
    middle, variance = float(median(differences)), float(_variance_of_seeds(differences))
    smallest = 1.0
    for rank in range(1, (patients + 1) // 2 + 1):
        low, high = (float(end) for end in _enclosing(differences, rank))
        to_end = middle - low if middle > 0 else high - middle
        room = middle**2 - to_end**2
        if room <= 0:
            continue
        over_seeds = 0.0 if variance == 0 else float(t_sided(seeds - 1, np.sqrt(room / variance)))
        smallest = min(smallest, max(2 * float(bdtr(rank - 1, patients, 0.5)), over_seeds))
    return smallest


def _rank(patients: int, alpha: float) -> int:
    """Of the order statistic that the median is below with a chance of alpha / 2 at most; 0 if there is none."""
    ranks = np.arange(1, patients // 2 + 1)
    return int(np.count_nonzero(bdtr(ranks - 1, patients, 0.5) <= alpha / 2))


def _enclosing(values: Values, rank: int) -> tuple[Values, Values]:
    """The order statistics of a rank from below and from above, averaged over seeds."""
    ordered = np.sort(values, axis=-1)
    return ordered[..., rank - 1].mean(axis=-1), ordered[..., -rank].mean(axis=-1)


def _variance_of_seeds(values: Values) -> Values:
    """Of the mean over seeds, from how their medians differ."""
    medians = np.median(values, axis=-1)
    return np.asarray(medians.var(axis=-1, ddof=1) / medians.shape[-1], np.float64)
