"""How often a test rejects where there is nothing, and how often an interval holds what it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from inference.families import AUROCS, MEANS, MEDIANS, Draw, Rng, Values, findings, logits
from pcrl.evaluation.statistics.inference.crossed import MeanSquares
from pcrl.evaluation.statistics.inference.estimate import FEWEST_PATIENTS, FEWEST_TO_TEST
from pcrl.evaluation.statistics.inference.jackknife import deleted_aurocs, pseudo_values
from pcrl.evaluation.statistics.inference.medians import median, median_interval
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.statistics.inference.skewness import skewed_widths
from pcrl.evaluation.statistics.roc import auroc

TRUE_PATIENTS, TRUE_DRAWS = 500, 4000


@dataclass(frozen=True, slots=True)
class Rates:
    """Of many simulations; none where nothing is given.

    Args:
        size: tests of equal arms with p < 0.05, of all simulations.
        difference, score: intervals that hold the true value, of those that are given.
        given: share of the simulations with an interval of a difference.
    """

    size: float | None
    difference: float | None
    score: float | None
    given: float = 1.0


def rates(name: str, draw: Draw, rng: Rng) -> Rates:
    """Of a family; `draw.gain` is for the intervals, the test is of arms that are alike."""
    if name in AUROCS:
        return _areas(name, draw, rng)
    return (_means if name in MEANS else _medians)(name, draw, rng)


def _means(name: str, draw: Draw, rng: Rng) -> Rates:
    family = MEANS[name]
    true = _true_means(name, draw.of_seed, draw.gain)
    alike = family(rng, replace(draw, gain=0.0))
    size = _rejected(alike[:, 0] - alike[:, 1], _reach_of_mean)
    if draw.patients < FEWEST_PATIENTS:
        return Rates(size, None, None, 0.0)
    drawn = family(rng, draw)
    gaps = drawn[:, 0] - drawn[:, 1]
    reach = _reach_of_mean(gaps)
    down, up = skewed_widths(drawn[:, 1])
    mean = drawn[:, 1].mean(axis=(1, 2))
    return Rates(
        size,
        _share(np.abs(gaps.mean(axis=(1, 2)) - (true[0] - true[1])) <= reach),
        _share((mean - down <= true[1]) & (true[1] <= mean + up)),
    )


def _medians(name: str, draw: Draw, rng: Rng) -> Rates:
    family = MEDIANS[name]
    score, gap = _true_medians(name, draw.of_seed, draw.gain)
    alike, drawn = family(rng, replace(draw, gain=0.0)), family(rng, draw)
    size = 1 - _held(alike[:, 0] - alike[:, 1], 0.0)
    return Rates(size, _held(drawn[:, 0] - drawn[:, 1], gap), _held(drawn[:, 1], score))


@cache
def _true_means(name: str, of_seed: float, gain: float) -> tuple[float, float]:
    """Of each arm."""
    large = MEANS[name](np.random.default_rng(1), Draw(TRUE_DRAWS, 1, TRUE_PATIENTS, of_seed, gain))
    first, second = large.mean(axis=(0, 2, 3)).tolist()
    return first, second


@cache
def _true_medians(name: str, of_seed: float, gain: float) -> tuple[float, float]:
    """Of the second arm, and of the differences."""
    large = MEDIANS[name](np.random.default_rng(1), Draw(TRUE_DRAWS, 1, TRUE_PATIENTS + 1, of_seed, gain))
    return float(median(large[:, 1]).mean()), float(median(large[:, 0] - large[:, 1]).mean())


@cache
def _true_areas(name: str, of_seed: float, gain: float) -> tuple[float, float]:
    """Of each arm."""
    share, apart = AUROCS[name]
    draw = Draw(TRUE_DRAWS // 2, 1, TRUE_PATIENTS, of_seed, gain)
    positive = findings(draw, share)
    scores = logits(np.random.default_rng(1), draw, positive, apart)
    first, second = (float(np.mean([auroc(one[arm, 0], positive) for one in scores])) for arm in (0, 1))
    return first, second


def _held(values: Values, true: float) -> float:
    ends = median_interval(values)
    assert ends is not None
    return _share((ends[0] <= true) & (true <= ends[1]))


def _areas(name: str, draw: Draw, rng: Rng) -> Rates:
    share, apart = AUROCS[name]
    positive, true = findings(draw, share), _true_areas(name, draw.of_seed, draw.gain)
    rejected = []
    for one in logits(rng, replace(draw, gain=0.0), positive, apart):
        known = _shared(one[0], positive).difference(_shared(one[1], positive), 0)
        assert known is not None
        rejected.append(known.p is not None and known.p < 0.05)
    gaps, held = [], []
    for one in logits(rng, draw, positive, apart):
        first, second = (_shared(arm, positive) for arm in one)
        known, alone = first.difference(second, 0), second.score(0)
        assert known is not None
        assert alone is not None
        if known.interval is not None:
            gaps.append(known.interval[0] <= true[0] - true[1] <= known.interval[1])
        if alone.interval is not None:
            held.append(alone.interval[0] <= true[1] <= alone.interval[1])
    given = len(gaps) / draw.simulations
    size = None if draw.patients < FEWEST_TO_TEST else float(np.mean(rejected))
    return Rates(size, _share(gaps), _share(held), given)


def _shared(scores: Values, positive: Values) -> SharedScores:
    """Of one arm, (seeds, patients), an image a patient."""
    owners, truth = np.arange(len(positive)), positive.astype(np.float64)
    whole = [[auroc(one, positive)] for one in scores]
    values = [
        pseudo_values(area[0], deleted_aurocs(one, truth, owners, len(positive)))[:, None]
        for area, one in zip(whole, scores, strict=True)
    ]
    sides = np.array([[positive.sum(), (~positive).sum()]])
    return SharedScores(np.array(whole), np.array(values), sides)


def _reach_of_mean(gaps: Values) -> Values:
    return MeanSquares.of(gaps).half_width()


def _rejected(gaps: Values, reach: Callable[[Values], Values]) -> float:
    return _share(np.abs(gaps.mean(axis=(1, 2))) > reach(gaps))


def _share(holds: object) -> float | None:
    values = np.asarray(holds)
    return float(values.mean()) if values.size else None
