"""Calibration intercept and slope without each patient, at the price of one fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from pcrl.evaluation.statistics.probabilities.recalibration import level, logits_of, recalibration
from pcrl.evaluation.statistics.roc import Scores, Truth, scored

_FLATTEST = 1e-9
"""Information below which a step leads nowhere."""


def without_each(probabilities: Scores, truth: Truth, patient_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intercept and slope without each patient, with all images of that patient, (patients, 2); NaN where undefined.

    By one step of Newton's method from the numbers of all patients (Pregibon 1981): exact to the second order in what
    a patient weighs, at the price of one fit.

    Args:
        probabilities, truth: (n,), NaN where an image does not count.
        patient_of: (n,), number of each image's patient, from 0 on.

    Raises:
        ValueError: as `scored`.
    """
    known = scored(probabilities, truth)
    owner, positive = patient_of[known], np.asarray(truth, np.float64)[known]
    patients = int(patient_of.max()) + 1 if len(patient_of) else 0
    whole, result = recalibration(probabilities, truth), np.full((patients, 2), np.nan)
    if whole.intercept is None:
        return result
    logits = logits_of(probabilities[known])

    def of_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values.sum() - np.bincount(owner, values, minlength=patients), np.float64)

    left = np.stack([of_others(positive), of_others(1 - positive)]) > 0.5
    expected = expit(logits + whole.intercept)
    information = of_others(expected * (1 - expected))
    step = of_others(positive - expected) / np.maximum(information, _FLATTEST)
    result[:, 0] = np.where(left.all(axis=0) & (information > _FLATTEST), whole.intercept + step, np.nan)
    if whole.slope is None:
        return result
    # On standardised logits, as the fit of all.
    scaled = (logits - logits.mean()) / logits.std()
    steepness = whole.slope * float(logits.std())
    expected = expit(level(steepness * scaled, positive) + steepness * scaled)
    spread, gap = expected * (1 - expected), positive - expected
    zeroth, first, second = (of_others(spread * scaled**power) for power in range(3))
    determinant = zeroth * second - first**2
    rise = zeroth * of_others(gap * scaled) - first * of_others(gap)
    slope = steepness + rise / np.maximum(determinant, _FLATTEST)
    defined = ~_parted(logits, positive, owner, patients) & (determinant > _FLATTEST)
    result[:, 1] = np.where(left.all(axis=0) & defined, slope / float(logits.std()), np.nan)
    return result


def _parted(
    logits: NDArray[np.float64], positive: NDArray[np.float64], owner: NDArray[np.int64], patients: int
) -> NDArray[np.bool_]:
    """Whether one logit parts positives from negatives, one way or the other, without each patient, (patients,)."""
    ends: list[NDArray[np.float64]] = []
    for values in (
        logits[positive > 0.5],
        -logits[positive > 0.5],
        logits[positive < 0.5],
        -logits[positive < 0.5],
    ):
        side = owner[positive > 0.5] if len(ends) < 2 else owner[positive < 0.5]
        lowest = np.full(patients, np.inf)
        np.minimum.at(lowest, side, values)
        least, second = np.partition(lowest, 1)[:2] if patients > 1 else (lowest[0], np.inf)
        ends.append(np.where(lowest == least, second, least))
    low_positive, high_positive, low_negative, high_negative = ends[0], -ends[1], ends[2], -ends[3]
    return np.asarray((low_positive >= high_negative) | (high_positive <= low_negative))
