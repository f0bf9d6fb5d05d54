"""Whether probabilities are too high or too extreme: calibration intercept and slope (Van Calster et al. 2019).

The intercept is that of calibration in the large: by how much, in logits, all probabilities would have to rise. The
slope is that of a logistic regression of the truth on the logits, with an intercept of its own: below 1 they are too
extreme, above 1 too cautious.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from pcrl.evaluation.statistics.roc import Scores, Truth, scored

_SMALLEST = 1e-15
"""Probabilities of 0 and 1 have no logit: they count as so far from them."""
_WIDEST = 1e3
"""Logits: an intercept is looked for within so much to either side."""
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Intercept and slope of one label; 0 and 1 are right, none is not defined."""

    intercept: float | None
    slope: float | None


def recalibration(probabilities: Scores, truth: Truth) -> Recalibration:
    """Compare probabilities (n,) with truth (n,), NaN where an image does not count.

    Without positives or negatives neither is defined; without two different probabilities, or where one probability
    parts the positives from the negatives, there is no slope.

    Raises:
        ValueError: as `scored`.
    """
    known = scored(probabilities, truth)
    positive = np.asarray(truth, np.float64)[known]
    if not len(positive) or positive.min() == positive.max():
        return Recalibration(None, None)
    logits = logits_of(probabilities[known])
    return Recalibration(level(logits, positive), _slope(logits, positive))


def logits_of(probabilities: Scores) -> NDArray[np.float64]:
    """Logits of probabilities (n,), those of 0 and 1 as if they were a little away from it."""
    return np.asarray(logit(np.clip(np.asarray(probabilities, np.float64), _SMALLEST, 1 - 1e-15)), np.float64)


def level(logits: NDArray[np.float64], positive: NDArray[np.float64]) -> float:
    """By how much logits would have to rise for their mean probability to be the share of positives."""
    return float(brentq(lambda shift: float((expit(logits + shift) - positive).sum()), -_WIDEST, _WIDEST))


def _slope(logits: NDArray[np.float64], positive: NDArray[np.float64]) -> float | None:
    """By Newton's method, with steps that are halved until the likelihood rises."""
    ones, others = logits[positive > 0.5], logits[positive < 0.5]
    deviation = float(logits.std())
    if deviation < 1e-9 or ones.min() >= others.max() or ones.max() <= others.min():
        return None
    design = np.stack([np.ones_like(logits), (logits - logits.mean()) / deviation], axis=1)
    weights, best = np.zeros(2), _log_likelihood(design @ np.zeros(2), positive)
    for _ in range(_STEPS):
        predicted = expit(design @ weights)
        gradient = design.T @ (positive - predicted)
        information = (design * (predicted * (1 - predicted))[:, None]).T @ design
        step = np.linalg.solve(information, gradient)
        while (risen := _log_likelihood(design @ (weights + step), positive)) < best and np.abs(
            step
        ).max() > 1e-12:
            step /= 2
        weights, best = weights + step, max(best, risen)
        if np.abs(step).max() < 1e-10:
            break
    return float(weights[1] / deviation)


def _log_likelihood(logits: NDArray[np.float64], positive: NDArray[np.float64]) -> float:
    return float((positive * logits - np.logaddexp(0, logits)).sum())
