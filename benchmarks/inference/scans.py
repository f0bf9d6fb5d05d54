"""Nodules of scans as they are drawn: CPM, and what is found at a threshold of validation scans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.families import REST, Draw, Rng, Values
from inference.pooled import VALIDATING, Pooled, pseudo
from pcrl.evaluation.statistics.called import RATE
from pcrl.evaluation.statistics.froc import RATES

FALSE_CANDIDATES = 20
"""Of a scan, that are hard enough to be taken for a nodule."""
NODULES = (0.32, 0.36, 0.17, 0.09, 0.06)
"""Share of scans with 0, 1, … nodules, about as in LUNA16."""
SEEN = 0.96
"""Share of the nodules that a candidate hits."""
LARGEST = 100
"""Patients above which none is left out: so many are drawn for true scores alone."""


def cpm(apart: float, rng: Rng, draw: Draw) -> Pooled:
    """A scan of each patient."""
    false, nodules, there = scans(_distance(apart, rng, draw), draw.patients, False, rng)
    whole, deleted = sensitivities(false, nodules, there)
    whole, deleted = whole.mean(axis=-1), deleted.mean(axis=-1)
    return Pooled(whole, pseudo(whole, deleted), _sides(there))


def found(apart: float, rng: Rng, draw: Draw) -> Pooled:
    """Sensitivity at thresholds of validation scans, each seed its own, the same scans for both arms."""
    _, nodules, there, thresholds = _at_thresholds(apart, rng, draw)
    hits = (nodules >= thresholds[..., None]).sum(axis=-1)
    return _ratios(hits, np.broadcast_to(there.sum(axis=2)[:, None, None], hits.shape), _sides(there))


def false_positives(apart: float, rng: Rng, draw: Draw) -> Pooled:
    """False positives a scan at the same thresholds."""
    false, _, _, thresholds = _at_thresholds(apart, rng, draw)
    called = (false >= thresholds[..., None]).sum(axis=-1)
    return _ratios(called, np.ones_like(called), None)


def scans(
    distance: Values, patients: int, own_of_seed: bool, rng: Rng
) -> tuple[Values, Values, NDArray[np.bool_]]:
    """Scores of false candidates (…, candidates) and of nodules (…, slots), and which slots are nodules.

    What a candidate is stays from seed to seed and from arm to arm, unless seeds have patients of their own; the rest
    does not. Patients have louder or quieter false candidates.

    Args:
        distance: of nodules from false candidates, (simulations, arms, seeds, 1, 1).
    """
    count, arms, seeds = distance.shape[:3]
    owners = seeds if own_of_seed else 1
    loud = 0.4 * rng.normal(size=(count, 1, owners, patients, 1))
    louder = 0.2 * rng.normal(size=(count, arms, owners, patients, 1))
    own = 0.8 * rng.normal(size=(count, 1, owners, patients, FALSE_CANDIDATES))
    false = loud + louder + own + REST * rng.normal(size=(count, arms, seeds, patients, FALSE_CANDIDATES))
    slots = len(NODULES) - 1
    there = np.arange(slots) < rng.choice(len(NODULES), (count, patients), p=NODULES)[..., None]
    own = 0.8 * rng.normal(size=(count, 1, owners, patients, slots)) + 0.3 * loud
    nodules = distance + own + REST * rng.normal(size=(count, arms, seeds, patients, slots))
    hit = rng.random((count, 1, 1, patients, slots)) < SEEN
    return false, np.where(there[:, None, None] & hit, nodules, -np.inf), there


def sensitivities(false: Values, nodules: Values, there: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Sensitivities at `RATES` of all patients, (…, rates), and without each, (…, patients, rates), NaN of many.

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
    whole, deleted = np.empty((*front, len(RATES))), np.full((*front, patients, len(RATES)), np.nan)
    flat_nodules = nodules.reshape(*front, -1)
    for number, rate in enumerate(RATES):
        place = int(rate * patients)
        threshold = (
            ordered[..., place : place + 1] if place < patients * each else np.full((*front, 1), -np.inf)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            whole[..., number] = (flat_nodules > threshold).sum(axis=-1) / count
        if patients > LARGEST:
            continue
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


def _distance(apart: float, rng: Rng, draw: Draw) -> Values:
    better = np.array([0.0, draw.gain]).reshape(1, 2, 1, 1, 1)
    return apart + better + draw.of_seed * rng.normal(size=(draw.simulations, 2, draw.seeds, 1, 1))


def _at_thresholds(apart: float, rng: Rng, draw: Draw) -> tuple[Values, Values, NDArray[np.bool_], Values]:
    """Test scans, and the lowest thresholds (…, 1) with one false positive a scan on validation scans."""
    distance = _distance(apart, rng, draw)
    false, nodules, _ = scans(distance, VALIDATING, True, rng)
    front, allowed = false.shape[:3], int(RATE * VALIDATING)
    refused = np.sort(false.reshape(*front, -1), axis=-1)[..., ::-1][..., allowed : allowed + 1]
    both = np.concatenate([false.reshape(*front, -1), nodules.reshape(*front, -1)], axis=-1)
    above = np.where(both > refused, both, np.inf).min(axis=-1, keepdims=True)
    return (*scans(distance, draw.patients, False, rng), (refused + above) / 2)


def _ratios(over: Values, under: Values, sides: NDArray[np.int64] | None) -> Pooled:
    """Of sums over patients."""
    whole = over.sum(axis=-1) / under.sum(axis=-1)
    left = under.sum(axis=-1, keepdims=True) - under
    deleted = np.full(over.shape, np.nan)
    np.divide(over.sum(axis=-1, keepdims=True) - over, left, out=deleted, where=left > 0)
    return Pooled(whole, pseudo(whole, deleted), sides)


def _sides(there: NDArray[np.bool_]) -> NDArray[np.int64]:
    with_nodule = there.any(axis=2).sum(axis=1)
    return np.stack([with_nodule, np.full(len(there), there.shape[1])], axis=1)
