"""Sensitivity and specificity at a threshold that was chosen on other patients.

The threshold is that of Youden's index (1950): the highest sensitivity + specificity of the validation images. Chosen
on the test images, both would be too high.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.roc import Scores, Truth, scored


def youden_threshold(scores: Scores, truth: Truth) -> float | None:
    """The threshold, the highest if several do: what scores as high or higher is called positive.

    It lies in the middle between the two scores that it parts, so that it does not lean to either side. None without
    positives or without negatives.

    Args:
        scores: (n,).
        truth: (n,), 1, 0, or NaN where an image does not count.

    Raises:
        ValueError: as `scored`.
    """
    known = scored(scores, truth)
    values, which = np.unique(scores[known], return_inverse=True)
    positive = truth[known] > 0.5
    if positive.all() or not positive.any():
        return None
    positives = np.bincount(which[positive], minlength=len(values))
    negatives = np.bincount(which[~positive], minlength=len(values))
    # Of thresholds from the highest score down.
    sensitivity = positives[::-1].cumsum() / positives.sum()
    specificity = 1 - negatives[::-1].cumsum() / negatives.sum()
    # Sums of the same parts differ in their last bits.
    chosen = len(values) - 1 - int(np.argmax(np.round(sensitivity + specificity, 12)))
    below = values[chosen - 1] if chosen else values[chosen]
    return float((values[chosen] + below) / 2)


def rates_at(
    scores: Scores,
    truth: Truth,
    threshold: float,
    patient_of: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Sensitivity and specificity with each image counted as often as its patient: (w, patients) to (w, 2).

    NaN without positives, or without negatives.

    Args:
        scores: (n,).
        truth: (n,), 1, 0, or NaN where an image does not count.
        patient_of: (n,), number of each image's patient.

    Raises:
        ValueError: as `scored`.
    """
    known = scored(scores, truth)
    called, owners = scores[known] >= threshold, patient_of[known]
    positive = truth[known] > 0.5
    rates = np.full((len(weights), 2), np.nan)
    for side, (members, right) in enumerate(((positive, called), (~positive, ~called))):
        of_patients = [
            np.bincount(owners[which], minlength=weights.shape[1]) for which in (members & right, members)
        ]
        hits, total = (weights @ counts for counts in of_patients)
        np.divide(hits, total, out=rates[:, side], where=total > 0)
    return rates
