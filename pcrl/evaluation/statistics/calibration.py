"""Calibration of probabilities: reliability, Brier score, expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from pcrl.evaluation.statistics.roc import Scores, Truth, scored

BINS = 10


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
    bin_of = ((rankdata(p, method="average") - 0.5) * min(bins, len(p)) // len(p)).astype(np.int64)
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
