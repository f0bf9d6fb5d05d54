"""Paired tests of two arms on the same patients. The patient is the unit of analysis, not a seed or an organ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Interval
from pcrl.evaluation.statistics.bootstrap import FEWEST_PATIENTS, RESAMPLES, interval_of

FEWEST_TO_TEST = 6
"""With fewer patients a sign-flip test can never reach p < 0.05: 2 / 2⁵ is 0.06."""
_EXACT = 14
"""Patients up to whom all sign flips are counted."""
_FLIPS = 10_000
SWAPS = 500
"""Draws of the test for metrics that no single patient has, such as an AUROC."""
Values = NDArray[np.float64]


def sign_flip(differences: Values) -> float | None:
    """Two-sided p of a sign-flip test of the mean of the patients' differences (n,).

    All flips are counted up to 14 patients, 10,000 seeded ones are drawn beyond. None with fewer than six patients.
    """
    count = len(differences)
    if count < FEWEST_TO_TEST:
        return None
    if count <= _EXACT:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float(np.mean(_as_large(signs @ differences, differences.sum())))
    signs = np.random.default_rng(count).choice((-1.0, 1.0), (_FLIPS, count))
    # The outcome itself is one of the flips.
    return float((1 + np.sum(_as_large(signs @ differences, differences.sum()))) / (1 + _FLIPS))


def mean_interval(values: Values, seed: int = 0) -> Interval | None:
    """95 % interval of the mean of the patients' values (n,), by a percentile bootstrap; None with fewer than ten."""
    if len(values) < FEWEST_PATIENTS:
        return None
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(values)]))
    drawn = rng.integers(0, len(values), (RESAMPLES, len(values)))
    return interval_of(values[drawn].mean(axis=1))


def swap(
    metric: Callable[[int, NDArray[np.bool_]], float],
    patients: int,
    draws: int = SWAPS,
) -> float | None:
    """Two-sided p of a permutation test of a metric of all patients together, which swaps the arms within patients.

    Args:
        metric: called with 0 or 1 and a mask (patients,): the metric of the first, or the second arm, with the scores
            of the masked patients exchanged between the arms.
        patients: how many there are.
    """
    if patients < FEWEST_TO_TEST:
        return None
    unswapped = np.zeros(patients, bool)
    observed = metric(0, unswapped) - metric(1, unswapped)
    rng = np.random.default_rng(patients)
    differences = []
    for _ in range(draws):
        mask = rng.random(patients) < 0.5
        differences.append(metric(0, mask) - metric(1, mask))
    defined = np.asarray(differences)[~np.isnan(differences)]
    if np.isnan(observed) or not len(defined):
        return None
    return float((1 + np.sum(_as_large(defined, observed))) / (1 + len(defined)))


def _as_large(differences: Values, observed: float) -> NDArray[np.bool_]:
    # Sums in another order differ in the last bits, of which millimetres have larger ones than Dice.
    return np.abs(differences) >= abs(observed) * (1 - 1e-9) - 1e-12
