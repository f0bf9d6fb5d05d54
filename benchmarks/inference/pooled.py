"""Scores of all patients together as they are drawn: with what each patient contributes, and how many are on a side.

They differ from means over patients in what a patient weighs: a nodule more or a large tumour counts more than others,
and a threshold is shared. All simulations are computed at once; the numbers are those of
`pcrl.evaluation.statistics`, which takes one seed of one arm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from inference.families import FAILING, REST, Draw, Rng, Values, findings, logits, quality
from pcrl.evaluation.statistics.froc import RATES
from pcrl.evaluation.statistics.inference.jackknife import pseudo_values

FALSE_CANDIDATES = 20
"""Of a scan, that are hard enough to be taken for a nodule."""
NODULES = (0.32, 0.36, 0.17, 0.09, 0.06)
"""Share of scans with 0, 1, … nodules, about as in LUNA16."""
VALIDATING = 24
"""Validation patients of each seed, who choose its threshold."""
SEEN = 0.96
"""Share of the nodules that a candidate hits."""


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


Family = Callable[[Rng, Draw], Pooled]


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


def cpm(apart: float, rng: Rng, draw: Draw) -> Pooled:
    """A scan of each patient, with no nodule or up to four; patients have louder or quieter false candidates."""
    count, seeds, patients = draw.simulations, draw.seeds, draw.patients
    better = np.array([0.0, draw.gain]).reshape(1, 2, 1, 1, 1)
    distance = apart + better + draw.of_seed * rng.normal(size=(count, 2, seeds, 1, 1))
    loud = 0.4 * rng.normal(size=(count, 1, 1, patients, 1)) + 0.2 * rng.normal(
        size=(count, 2, 1, patients, 1)
    )
    # What a candidate is stays from seed to seed and from arm to arm; the rest does not.
    own = 0.8 * rng.normal(size=(count, 1, 1, patients, FALSE_CANDIDATES))
    false = loud + own + REST * rng.normal(size=(count, 2, seeds, patients, FALSE_CANDIDATES))
    slots = len(NODULES) - 1
    found = rng.choice(len(NODULES), (count, patients), p=NODULES)
    there = np.arange(slots) < found[..., None]
    own = 0.8 * rng.normal(size=(count, 1, 1, patients, slots)) + 0.3 * loud
    nodules = distance + own + REST * rng.normal(size=(count, 2, seeds, patients, slots))
    hit = rng.random((count, 1, 1, patients, slots)) < SEEN
    nodules = np.where(there[:, None, None] & hit, nodules, -np.inf)
    whole, deleted = sensitivities(false, nodules, there)
    values = pseudo_values(whole.mean(axis=-1), np.moveaxis(deleted.mean(axis=-1), -1, 0))
    sides = np.stack([(found > 0).sum(axis=1), np.full(count, patients)], axis=1)
    return Pooled(whole.mean(axis=-1), np.moveaxis(values, 0, -1), sides)


def sensitivities(false: Values, nodules: Values, there: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Sensitivities at `RATES` of all patients, (…, rates), and without each, (…, patients, rates).

    At r false positives a scan of P scans it is the share of nodules above the (⌊r·P⌋ + 1)th highest false candidate.

    Args:
        false: (n, arms, seeds, patients, candidates), no two alike.
        nodules: (n, arms, seeds, patients, slots), −∞ where nothing hits the nodule, or there is none.
        there: (n, patients, slots), which slots are nodules.
    """
    *front, patients, each = false.shape
    flat = false.reshape(*front, patients * each)
    order = np.argsort(-flat, axis=-1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(patients * each), order.shape), axis=-1)
    # Of each patient's candidates, how many of others rank above.
    above = np.sort(ranks.reshape(false.shape), axis=-1) - np.arange(each)
    ordered = np.take_along_axis(flat, order, axis=-1)
    count = there.sum(axis=(1, 2))[:, None, None]
    left = count[..., None] - there.sum(axis=2)[:, None, None, :]
    whole, deleted = np.empty((*front, len(RATES))), np.empty((*front, patients, len(RATES)))
    flat_nodules = nodules.reshape(*front, -1)
    for number, rate in enumerate(RATES):
        place = int(rate * patients)
        threshold = (
            ordered[..., place : place + 1] if place < patients * each else np.full((*front, 1), -np.inf)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            whole[..., number] = (flat_nodules > threshold).sum(axis=-1) / count
        place = int(rate * (patients - 1))
        index = place + (above <= place).sum(axis=-1)
        inside = index < patients * each
        cut = np.take_along_axis(ordered, np.minimum(index, patients * each - 1), axis=-1)
        cut = np.where(inside, cut, -np.inf)
        hits = (flat_nodules[..., None, :] > cut[..., None]).sum(axis=-1)
        hits -= (nodules > cut[..., None]).sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            deleted[..., number] = np.where(left > 0, hits / left, np.nan)
    return whole, deleted


def sensitivity(share: float, apart: float, rng: Rng, draw: Draw) -> Pooled:
    """At each seed's own threshold, of Youden's index, which its own validation patients choose, the same for arms."""
    positive = findings(draw, share)
    seeds = draw.seeds
    better = np.array([0.0, draw.gain]).reshape(1, 2, 1, 1)
    distance = apart + better + draw.of_seed * rng.normal(size=(draw.simulations, 2, seeds, 1))
    test = _networks(rng, distance, positive, draw.patients, False)
    choosing = np.arange(VALIDATING) < round(share * VALIDATING)
    thresholds = _youden(_networks(rng, distance, choosing, VALIDATING, True), choosing)
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


def _youden(scores: Values, positive: NDArray[np.bool_]) -> Values:
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
