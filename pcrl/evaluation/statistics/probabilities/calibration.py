"""Calibration of probabilities: reliability, Brier score, expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pcrl.evaluation.statistics.roc import Scores, Truth, scored

BINS = 10
DRAWS = 500
"""Of `error_by_chance`; its own error by chance is then a few hundredths of it."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of one label.

    Args:
        predicted, observed, counts: of each bin: mean probability, share of positives, images.
        brier: mean squared difference of probability and truth.
        error: mean over images of |predicted − observed| of their bin.
    """

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    counts: tuple[int, ...]
    brier: float
    error: float


def calibration(probabilities: Scores, truth: Truth, bins: int = BINS) -> Calibration | None:
    """Compare probabilities (n,) with truth (n,), NaN where an image does not count; None if none does.

    Bins hold equally many images, but for equal probabilities, which stay together: nothing depends on the order of
    the images. Bins that are left empty by that are not listed.

    Raises:
        ValueError: as `scored`; or a probability is not in [0, 1].
    """
    known = scored(probabilities, truth)
    if not known.any():
        return None
    p, t = np.asarray(probabilities, np.float64)[known], np.asarray(truth, np.float64)[known]
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"probabilities from {p.min():g} to {p.max():g}, expected 0 to 1: are these logits?")
    bin_of = _bins(p, bins)
    parts = [np.flatnonzero(bin_of == number) for number in np.unique(bin_of)]
    predicted = [float(p[part].mean()) for part in parts]
    observed = [float(t[part].mean()) for part in parts]
    counts = [len(part) for part in parts]
    gaps = np.abs(np.subtract(predicted, observed))
    return Calibration(
        tuple(predicted),
        tuple(observed),
        tuple(counts),
        float(np.mean((p - t) ** 2)),
        float(np.average(gaps, weights=counts)),
    )


def error_by_chance(
    probabilities: Scores, truth: Truth, bins: int = BINS, draws: int = DRAWS, seed: int = 0
) -> float | None:
    """The calibration error that a perfectly calibrated classifier with these probabilities has on so many images.

    The error is a mean of distances, so that it is above 0 by chance alone, the more the fewer images there are (Kumar,
    Liang and Ma 2019). This is its mean over truths that are drawn from the probabilities themselves, as if images
    were independent.

    Raises:
        ValueError: as `calibration`.
    """
    if calibration(probabilities, truth, bins) is None:
        return None
    p = np.asarray(probabilities, np.float64)[~np.isnan(truth)]
    order = np.argsort(bin_of := _bins(p, bins), kind="stable")
    p, starts = p[order], np.flatnonzero(np.r_[True, np.diff(bin_of[order]) != 0])
    rng = np.random.default_rng([seed, len(p)])
    errors = []
    for _ in range(draws):
        # Of each bin |Σ (predicted − observed)| is what it adds to the mean over images.
        gaps = np.add.reduceat(p - (rng.random(len(p)) < p), starts)
        errors.append(float(np.abs(gaps).sum()) / len(p))
    return float(np.mean(errors))


def _bins(p: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Number of the bin of each probability."""
    bin_of: NDArray[np.int64] = ((rankdata(p, method="average") - 0.5) * min(bins, len(p)) // len(p)).astype(
        np.int64
    )
    return bin_of
