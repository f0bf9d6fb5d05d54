"""How often a test rejects where there is nothing, and how often an interval holds what it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from inference.families import AUROCS, MEANS, MEDIANS, Draw, Rng, Values, findings, logits
from pcrl.evaluation.statistics.inference.crossed import MeanSquares
from pcrl.evaluation.statistics.inference.estimate import FEWEST_PATIENTS
from pcrl.evaluation.statistics.inference.jackknife import pseudo_values
from pcrl.evaluation.statistics.inference.medians import median, median_interval
from pcrl.evaluation.statistics.inference.shared import (
    FEWEST_OF_A_SIDE,
    FEWEST_TO_TEST_OF_A_SIDE,
    FEWEST_WRONG,
)
from pcrl.evaluation.statistics.inference.skewness import skewed_widths
from pcrl.evaluation.statistics.roc import auroc

TRUE_PATIENTS, TRUE_DRAWS = 500, 4000
RARE = 0.05
"""Where fewer studies than this have an interval, it is not counted how often it is right."""


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
    held = np.abs(gaps.mean(axis=(1, 2)) - (true[0] - true[1])) <= _reach_of_mean(gaps)
    return Rates(size, _share(held), _scores_held(drawn[:, 1], true[1]))


def withheld(name: str, draw: Draw, rng: Rng) -> float | None:
    """How often the interval of a mean score would hold the true one, also where none is given."""
    true = _true_means(name, draw.of_seed, draw.gain)
    return _scores_held(MEANS[name](rng, draw)[:, 1], true[1])


def _scores_held(values: Values, true: float) -> float | None:
    down, up = skewed_widths(values)
    mean = values.mean(axis=(1, 2))
    return _share((mean - down <= true) & (true <= mean + up))


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
    smaller = min(int(positive.sum()), int((~positive).sum()))
    alike = [
        areas_and_pseudo_values(one, positive)
        for one in _arms(logits(rng, replace(draw, gain=0.0), positive, apart))
    ]
    size = _share(_differ(*alike))
    (first, ones), (second, others) = (
        areas_and_pseudo_values(one, positive) for one in _arms(logits(rng, draw, positive, apart))
    )
    enough = draw.patients >= FEWEST_PATIENTS and smaller >= FEWEST_OF_A_SIDE
    value, best = second.mean(axis=1), np.maximum(first.mean(axis=1), second.mean(axis=1))
    of_gap, of_score = (enough & ((1 - one) * smaller >= FEWEST_WRONG) for one in (best, value))
    reach, (down, up) = MeanSquares.of(ones - others).half_width(), skewed_widths(others)
    gap = (first - second).mean(axis=1)
    return Rates(
        size if smaller >= FEWEST_TO_TEST_OF_A_SIDE else None,
        share_of((np.abs(gap - (true[0] - true[1])) <= reach)[of_gap], draw.simulations),
        share_of(((value - down <= true[1]) & (true[1] <= value + up))[of_score], draw.simulations),
        float(of_gap.mean()),
    )


def _arms(scores: Values) -> tuple[Values, Values]:
    return scores[:, 0], scores[:, 1]


def _differ(one: tuple[Values, Values], other: tuple[Values, Values]) -> Values:
    """Whether areas of two arms are called different."""
    gaps = np.abs((one[0] - other[0]).mean(axis=1))
    return np.asarray(gaps > MeanSquares.of(one[1] - other[1]).half_width())


def areas_and_pseudo_values(scores: Values, positive: Values) -> tuple[Values, Values]:
    """AUROCs (simulations, seeds) and pseudo-values (…, patients) of an image a patient, all simulations at once.

    The same numbers as those of `deleted_aurocs`, which takes one seed of one arm.
    """
    wins = scores[..., positive][..., :, None] > scores[..., ~positive][..., None, :]
    total, ones, others = wins.sum(axis=(-2, -1)), int(positive.sum()), int((~positive).sum())
    deleted = np.empty(scores.shape)
    deleted[..., positive] = (total[..., None] - wins.sum(axis=-1)) / ((ones - 1) * others)
    deleted[..., ~positive] = (total[..., None] - wins.sum(axis=-2)) / (ones * (others - 1))
    areas = total / (ones * others)
    return areas, np.moveaxis(pseudo_values(areas, np.moveaxis(deleted, -1, 0)), 0, -1)


def _reach_of_mean(gaps: Values) -> Values:
    return MeanSquares.of(gaps).half_width()


def _rejected(gaps: Values, reach: Callable[[Values], Values]) -> float:
    return _share(np.abs(gaps.mean(axis=(1, 2))) > reach(gaps))


def share_of(holds: Values, simulations: int) -> float | None:
    """How many hold; none where there are few of all simulations."""
    return _share(holds) if len(holds) >= RARE * simulations else None


def _share(holds: object) -> float | None:
    values = np.asarray(holds)
    return float(values.mean()) if values.size else None
