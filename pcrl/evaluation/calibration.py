"""Do probabilities mean what they say? Reliability, Brier score, expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcrl.evaluation.roc import Scores, Truth

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

    Bins hold equally many images.
    """
    known = ~np.isnan(truth)
    if not known.any():
        return None
    p, t = np.asarray(probabilities)[known], np.asarray(truth)[known]
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
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
