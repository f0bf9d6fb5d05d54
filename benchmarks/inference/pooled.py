"""Scores of all patients together as they are drawn: with what each patient contributes, and how many are on a side.

They differ from means over patients in what a patient weighs: a nodule more or a large tumour counts more than others,
and a threshold is shared. All simulations are computed at once; the numbers are those of
`pcrl.evaluation.statistics`, which takes one seed of one arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from inference.families import FAILING, REST, Draw, Rng, Values, findings, logits, quality
from pcrl.evaluation.statistics.inference.jackknife import pseudo_values

VALIDATING = 24
"""Validation patients of each seed, or scans, that choose its threshold."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Of n simulations.

    Args:
        by_seed: scores, (n, arms, seeds).
        values: pseudo-values, (n, arms, seeds, patients); NaN where a score is undefined without the patient.
        sides: patients on either side, (n, 2); none for scores that are of no order.
    """

    by_seed: Values
    values: Values
    sides: NDArray[np.int64] | None


def dice_of_voxels(sizes: float, failing: bool, rng: Rng, draw: Draw) -> Pooled:
    """Log-normal sizes with a standard deviation of `sizes`; smaller ones are harder; a tenth may fail."""
    easy, apart = (rng.normal(size=(draw.simulations, 1, 1, draw.patients)) for _ in range(2))
    z = quality(rng, draw, easy)
    size = np.exp(sizes * (0.5 * easy + np.sqrt(0.75) * apart))
    dice = np.clip(0.85 + 0.05 * z, 0, 1)
    if failing:
        spread = np.sqrt(1.25 + draw.of_seed**2 + REST**2)
        failed = z + rng.normal(size=z.shape) < norm.ppf(FAILING) * np.sqrt(spread**2 + 1)
        dice = np.where(failed, 0.0, dice)
    # Truth and prediction are of one size: voxels of both are 2 · size, those in common dice · size.
    common, total = dice * size, np.broadcast_to(size, dice.shape)
    whole = common.sum(axis=-1) / total.sum(axis=-1)
    deleted = (common.sum(axis=-1, keepdims=True) - common) / (total.sum(axis=-1, keepdims=True) - total)
    return Pooled(whole, pseudo(whole, deleted), None)


def sensitivity(share: float, apart: float, rng: Rng, draw: Draw) -> Pooled:
    """At each seed's own threshold, of Youden's index, which its own validation patients choose, the same for arms."""
    positive = findings(draw, share)
    seeds = draw.seeds
    better = np.array([0.0, draw.gain]).reshape(1, 2, 1, 1)
    distance = apart + better + draw.of_seed * rng.normal(size=(draw.simulations, 2, seeds, 1))
    test = _networks(rng, distance, positive, draw.patients, False)
    choosing = np.arange(VALIDATING) < round(share * VALIDATING)
    thresholds = youden(_networks(rng, distance, choosing, VALIDATING, True), choosing)
    called = (test >= thresholds[..., None])[..., positive].astype(np.float64)
    ones = int(positive.sum())
    whole = called.mean(axis=-1)
    deleted = np.broadcast_to(whole[..., None], test.shape).copy()
    deleted[..., positive] = (ones * whole[..., None] - called) / (ones - 1)
    sides = np.tile([ones, draw.patients - ones], (draw.simulations, 1))
    return Pooled(whole, pseudo(whole, deleted), sides)


def precision(share: float, apart: float, rng: Rng, draw: Draw) -> Pooled:
    """Average precision of an image a patient."""
    positive = findings(draw, share)
    whole, deleted = precisions(logits(rng, draw, positive, apart), positive)
    sides = np.tile([positive.sum(), (~positive).sum()], (draw.simulations, 1))
    return Pooled(whole, pseudo(whole, deleted), sides)


def precisions(scores: Values, positive: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Average precisions (…,) and those without each patient (…, patients), no two scores alike."""
    order = np.argsort(-scores, axis=-1)
    truth = positive[order]
    ranks, true = np.arange(1, truth.shape[-1] + 1), truth.cumsum(axis=-1)
    ones = int(positive.sum())
    terms = np.where(truth, true / ranks, 0.0)
    whole = terms.sum(axis=-1) / ones
    # Below a patient who is left out, ranks fall by one, and the positives above by one if it is one.
    without = np.where(truth, true - 1.0, 0.0) / np.maximum(ranks - 1, 1)
    negatives = np.where(truth, true * 1.0, 0.0) / np.maximum(ranks - 1, 1)
    before = terms.cumsum(axis=-1) - terms
    after = [part.sum(axis=-1, keepdims=True) - part.cumsum(axis=-1) for part in (without, negatives)]
    of_place = np.where(truth, (before + after[0]) / max(ones - 1, 1), (before + after[1]) / ones)
    deleted = np.empty_like(scores)
    np.put_along_axis(deleted, order, of_place, axis=-1)
    return whole, deleted


def _networks(
    rng: Rng, distance: Values, positive: NDArray[np.bool_], patients: int, own_of_seed: bool
) -> Values:
    """Logits of patients with or without the finding, (n, arms, seeds, patients), as `families.logits` draws them."""
    count, _, seeds, _ = distance.shape
    owners = seeds if own_of_seed else 1
    own = 0.8 * rng.normal(size=(count, 1, owners, patients)) + 0.4 * rng.normal(
        size=(count, 2, owners, patients)
    )
    return np.asarray(positive * distance + own + REST * rng.normal(size=(count, 2, seeds, patients)))


def youden(scores: Values, positive: NDArray[np.bool_]) -> Values:
    """The threshold between the two scores that part best, (…,)."""
    order = np.argsort(-scores, axis=-1)
    ordered, truth = np.take_along_axis(scores, order, axis=-1), positive[order]
    gain = truth.cumsum(axis=-1) / positive.sum() - (~truth).cumsum(axis=-1) / (~positive).sum()
    best = np.argmax(np.round(gain, 12), axis=-1)[..., None]
    below = np.minimum(best + 1, scores.shape[-1] - 1)
    both = (np.take_along_axis(ordered, place, axis=-1) for place in (best, below))
    return np.asarray(sum(both)[..., 0] / 2)


def pseudo(whole: Values, deleted: Values) -> Values:
    """Pseudo-values, (…, patients), of scores (…,) and those without each patient (…, patients)."""
    return np.moveaxis(pseudo_values(whole, np.moveaxis(deleted, -1, 0)), 0, -1)
