"""Calibration of one arm as it is drawn: intercept, slope and error, with what each patient contributes.

An image of each patient. Its finding is drawn from a probability of its own; a network knows the logit of it but for what
it takes the patient for, and the seed, and all its logits are too extreme. All simulations are computed at once; the
numbers are those of `pcrl.evaluation.statistics.probabilities`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from inference.families import REST, Draw, Rng, Values
from inference.pooled import Pooled, pseudo
from pcrl.evaluation.statistics.probabilities.calibration import BINS

SHARE, APART, EXTREME = -0.8, 1.5, 1.5
"""Mean and standard deviation of the logits of the patients' own probabilities; by what a network multiplies them."""
_FROM_NOTHING, _FROM_THE_WHOLE = 25, 1
"""Newton steps."""
_FLAT = 1e-9


def outputs(rng: Rng, draw: Draw) -> tuple[Values, NDArray[np.bool_]]:
    """Logits (n, 1, seeds, patients), and who has the finding (n, patients)."""
    count, seeds, patients = draw.simulations, draw.seeds, draw.patients
    own = SHARE + APART * rng.normal(size=(count, patients))
    truth = rng.random(own.shape) < expit(own)
    taken = 0.4 * rng.normal(size=(count, 1, 1, patients)) + REST * rng.normal(
        size=(count, 1, seeds, patients)
    )
    shift, scale = (draw.of_seed * rng.normal(size=(count, 1, seeds, 1)) for _ in range(2))
    return EXTREME * np.exp(0.5 * scale) * (own[:, None, None] + taken + shift), truth


def intercept(rng: Rng, draw: Draw) -> Pooled:
    """Calibration in the large."""
    logits, truth = outputs(rng, draw)
    return _jackknifed(_moved, logits, truth)


def slope(rng: Rng, draw: Draw) -> Pooled:
    """Of a logistic regression of the truth on the logits; NaN where one logit parts both sides."""
    logits, truth = outputs(rng, draw)
    return _jackknifed(_sloped, logits, truth)


def error(rng: Rng, draw: Draw) -> Pooled:
    """Expected calibration error in bins of equally many images."""
    logits, truth = outputs(rng, draw)
    probabilities = expit(logits)
    whole, deleted = errors(probabilities, truth)
    return Pooled(whole, pseudo(whole, deleted), _sides(truth))


def errors(probabilities: Values, truth: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Calibration errors (n, 1, seeds), and those without each patient (…, patients), no two probabilities alike."""
    order = np.argsort(probabilities, axis=-1)
    gaps = np.take_along_axis(probabilities - truth[:, None, None], order, axis=-1)
    patients = gaps.shape[-1]
    sums = np.concatenate([np.zeros((*gaps.shape[:-1], 1)), gaps.cumsum(axis=-1)], axis=-1)
    whole = np.abs(np.diff(sums[..., _edges(patients)], axis=-1)).sum(axis=-1) / patients
    # Of those before an edge, without the one in place j.
    edges, places = _edges(patients - 1), np.arange(patients)[:, None]
    behind = edges > places
    without = sums[..., np.where(behind, edges + 1, edges)] - behind * gaps[..., None]
    of_place = np.abs(np.diff(without, axis=-1)).sum(axis=-1) / (patients - 1)
    deleted = np.empty_like(gaps)
    np.put_along_axis(deleted, order, of_place, axis=-1)
    return whole, deleted


def _edges(count: int) -> NDArray[np.int64]:
    """Where bins begin among `count` images in the order of their probabilities, and the end."""
    bins = min(BINS, count)
    of = ((np.arange(count) + 0.5) * bins // count).astype(np.int64)
    return np.r_[np.searchsorted(of, np.arange(bins)), count]


def _jackknifed(fitted, logits: Values, truth: NDArray[np.bool_]) -> Pooled:  # type: ignore[no-untyped-def]
    patients = truth.shape[-1]
    positive = np.broadcast_to(truth[:, None, None], logits.shape).astype(np.float64)
    start, defined = fitted(logits, positive, np.ones(1), None, _FROM_NOTHING)
    kept = 1.0 - np.eye(patients)
    each, known = fitted(
        logits[..., None, :],
        positive[..., None, :],
        kept,
        tuple(one[..., None] for one in start),
        _FROM_THE_WHOLE,
    )
    whole = np.where(defined, start[-1], np.nan)
    return Pooled(whole, pseudo(whole, np.where(known, each[-1], np.nan)), _sides(truth))


def _moved(logits, positive, weights, start, steps):  # type: ignore[no-untyped-def]
    shift = np.zeros(np.broadcast_shapes(logits.shape, weights.shape)[:-1]) if start is None else start[0]
    wanted = (weights * positive).sum(axis=-1)
    for _ in range(steps):
        expected = expit(logits + shift[..., None])
        information = (weights * expected * (1 - expected)).sum(axis=-1)
        shift = shift + np.clip(
            (wanted - (weights * expected).sum(axis=-1)) / np.maximum(information, _FLAT), -2, 2
        )
    return (shift,), (wanted > 0) & (
        wanted < np.broadcast_to(weights, np.broadcast_shapes(logits.shape, weights.shape)).sum(axis=-1)
    )


def _sloped(logits, positive, weights, start, steps):  # type: ignore[no-untyped-def]
    shape = np.broadcast_shapes(logits.shape, weights.shape)
    first, second = (
        (np.zeros(shape[:-1]), np.zeros(shape[:-1]))
        if start is None
        else (np.broadcast_to(one, shape[:-1]) for one in start)
    )
    for _ in range(steps):
        expected = expit(first[..., None] + second[..., None] * logits)
        gap, spread = weights * (positive - expected), weights * expected * (1 - expected)
        moments = [(spread * logits**power).sum(axis=-1) for power in range(3)]
        determinant = np.maximum(moments[0] * moments[2] - moments[1] ** 2, _FLAT)
        up, aside = gap.sum(axis=-1), (gap * logits).sum(axis=-1)
        first = first + np.clip((moments[2] * up - moments[1] * aside) / determinant, -3, 3)
        second = second + np.clip((moments[0] * aside - moments[1] * up) / determinant, -1, 1)
    there = np.broadcast_to(weights > 0, shape)
    high = np.where(there & (positive > 0.5), logits, np.inf).min(axis=-1)
    low = np.where(there & (positive < 0.5), logits, -np.inf).max(axis=-1)
    return (first, second), high < low


def _sides(truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.stack([truth.sum(axis=-1), (~truth).sum(axis=-1)], axis=1)
