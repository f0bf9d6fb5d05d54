"""Calibration as it is drawn: intercept, slope and error of one arm, with what each patient contributes.

An image of each patient. Its finding is drawn from a probability of its own; a network knows the logit of it but for
what it takes the patient for, and the seed, and all its logits are too extreme. All simulations are computed at once;
the numbers are those of `pcrl.evaluation.statistics.probabilities`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from inference.families import REST, Draw, Rng, Values
from inference.pooled import Pooled, pseudo
from pcrl.evaluation.statistics.probabilities.calibration import BINS

APART = 1.5
"""Standard deviation of the logits of the patients' own probabilities."""
A_THIRD, A_TENTH = -0.8, -3.0
"""Their mean, at which about so many patients have the finding."""
EXTREME, RIGHT = 1.5, 0.8
"""By what a network multiplies what it takes for the logits: slopes of a half, and of one."""
_STEPS = 25
_FLATTEST = 1e-9


def outputs(mean: float, factor: float, rng: Rng, draw: Draw) -> tuple[Values, NDArray[np.bool_]]:
    """Logits, and who has the finding, (simulations, 1, seeds, patients) each."""
    count, seeds, patients = draw.simulations, draw.seeds, draw.patients
    own = mean + APART * rng.normal(size=(count, 1, 1, patients))
    truth = rng.random(own.shape) < expit(own)
    taken = 0.4 * rng.normal(size=own.shape) + REST * rng.normal(size=(count, 1, seeds, patients))
    shift, scale = (draw.of_seed * rng.normal(size=(count, 1, seeds, 1)) for _ in range(2))
    logits = factor * np.exp(0.5 * scale) * (own + taken + shift)
    return logits, np.broadcast_to(truth, logits.shape)


def intercept(mean: float, factor: float, rng: Rng, draw: Draw) -> Pooled:
    """Calibration in the large."""
    logits, truth = outputs(mean, factor, rng, draw)
    whole, deleted = intercepts(logits, truth)
    return Pooled(whole, pseudo(whole, deleted), _sides(truth))


def slope(mean: float, factor: float, rng: Rng, draw: Draw) -> Pooled:
    """Of a logistic regression of the truth on the logits."""
    logits, truth = outputs(mean, factor, rng, draw)
    whole, deleted = slopes(logits, truth)
    return Pooled(whole, pseudo(whole, deleted), _sides(truth))


def error(mean: float, factor: float, rng: Rng, draw: Draw) -> Pooled:
    """Expected calibration error in bins of equally many images."""
    logits, truth = outputs(mean, factor, rng, draw)
    whole, deleted = errors(expit(logits), truth)
    return Pooled(whole, pseudo(whole, deleted), _sides(truth))


def intercepts(logits: Values, truth: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Intercepts (…,) and, by one step, those without each patient (…, patients); NaN where undefined."""
    positives, patients = truth.sum(axis=-1), truth.shape[-1]
    shift = np.zeros(logits.shape[:-1])
    for _ in range(_STEPS):
        expected = expit(logits + shift[..., None])
        information = np.maximum((expected * (1 - expected)).sum(axis=-1), _FLATTEST)
        shift += np.clip((truth - expected).sum(axis=-1) / information, -2, 2)
    expected = expit(logits + shift[..., None])
    information = _of_others(expected * (1 - expected))
    deleted = shift[..., None] + _of_others(truth - expected) / np.maximum(information, _FLATTEST)
    left = positives[..., None] - truth
    defined = (left > 0) & (left < patients - 1) & (information > _FLATTEST)
    whole = np.where((positives > 0) & (positives < patients), shift, np.nan)
    return whole, np.where(defined, deleted, np.nan)


def slopes(logits: Values, truth: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Slopes (…,) and, by one step, those without each patient (…, patients); NaN where undefined."""
    level, steep = np.zeros(logits.shape[:-1]), np.zeros(logits.shape[:-1])
    for last in range(_STEPS + 1):
        expected = expit(level[..., None] + steep[..., None] * logits)
        gap, spread = truth - expected, expected * (1 - expected)
        parts = [gap, gap * logits, spread, spread * logits, spread * logits**2]
        up, aside, zeroth, first, second = (
            (_of_others if last == _STEPS else _of_all)(part) for part in parts
        )
        determinant = zeroth * second - first**2
        turn = (zeroth * aside - first * up) / np.maximum(determinant, _FLATTEST)
        if last < _STEPS:
            rise = (second * up - first * aside) / np.maximum(determinant, _FLATTEST)
            level, steep = level + np.clip(rise, -3, 3), steep + np.clip(turn, -1, 1)
    parted, without = _parted(logits, truth)
    whole = np.where(parted, np.nan, steep)
    return whole, np.where(without | (determinant < _FLATTEST), np.nan, steep[..., None] + turn)


def errors(probabilities: Values, truth: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Calibration errors (…,), and those without each patient (…, patients), no two probabilities alike."""
    order = np.argsort(probabilities, axis=-1)
    gaps = np.take_along_axis(probabilities - truth, order, axis=-1)
    patients = gaps.shape[-1]
    sums = np.concatenate([np.zeros((*gaps.shape[:-1], 1)), gaps.cumsum(axis=-1)], axis=-1)
    whole = np.abs(np.diff(sums[..., _edges(patients)], axis=-1)).sum(axis=-1) / patients
    # Sums before each edge among the others: those behind the one left out begin one further on.
    edges, places = _edges(patients - 1), np.arange(patients)[:, None]
    behind = edges > places
    without = sums[..., np.where(behind, edges + 1, edges)] - behind * gaps[..., None]
    deleted = np.empty_like(gaps)
    np.put_along_axis(
        deleted, order, np.abs(np.diff(without, axis=-1)).sum(axis=-1) / (patients - 1), axis=-1
    )
    return whole, deleted


def _edges(count: int) -> NDArray[np.int64]:
    """Where bins begin among `count` images in the order of their probabilities, and the end."""
    bins = min(BINS, count)
    of = ((np.arange(count) + 0.5) * bins // count).astype(np.int64)
    return np.r_[np.searchsorted(of, np.arange(bins)), count]


def _of_all(values: Values) -> Values:
    return values.sum(axis=-1)


def _of_others(values: Values) -> Values:
    return values.sum(axis=-1, keepdims=True) - values


def _parted(logits: Values, truth: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether one logit parts both sides, (…,), and whether it does without each patient, (…, patients)."""
    lowest, lowest_without = _least(np.where(truth, logits, np.inf))
    highest, highest_without = _least(np.where(truth, -logits, np.inf))
    below, below_without = _least(np.where(truth, np.inf, logits))
    above, above_without = _least(np.where(truth, np.inf, -logits))
    return (
        (lowest >= -above) | (-highest <= below),
        (lowest_without >= -above_without) | (-highest_without <= below_without),
    )


def _least(values: Values) -> tuple[Values, Values]:
    """The least of all (…,), and without each (…, patients)."""
    two = np.partition(values, 1, axis=-1)[..., :2]
    return two[..., 0], np.where(values == two[..., :1], two[..., 1:], two[..., :1])


def _sides(truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    positives = truth[:, 0, 0].sum(axis=-1)
    return np.stack([positives, truth.shape[-1] - positives], axis=1)
