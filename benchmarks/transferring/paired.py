"""The test and the interval of the transfer protocol, as it was written beforehand: patients alone, seeds averaged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Interval = tuple[float, float]
FEWEST_TO_TEST = 6
"""With fewer patients a sign-flip test can never reach p < 0.05: 2 / 2⁵ is 0.06."""
FEWEST_PATIENTS = 10
RESAMPLES = 1000
_EXACT = 14
"""Patients up to whom all sign flips are counted."""
_FLIPS = 10_000


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
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _as_large(differences: Values, observed: float) -> NDArray[np.bool_]:
    # Sums in another order differ in the last bits.
    return np.abs(differences) >= abs(observed) * (1 - 1e-9) - 1e-12
