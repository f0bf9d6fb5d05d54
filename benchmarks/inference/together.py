"""How often intervals and tests are right of scores of all patients together, by the rules of evaluations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from inference import calibrated, pooled, scans
from inference.families import Draw, Rng, Values
from inference.measure import Rates, share_of
from inference.pooled import Pooled
from pcrl.evaluation.statistics.inference.crossed import MeanSquares
from pcrl.evaluation.statistics.inference.estimate import FEWEST_PATIENTS
from pcrl.evaluation.statistics.inference.shared import (
    FEWEST_OF_A_SIDE,
    FEWEST_TO_TEST_OF_A_SIDE,
    FEWEST_WRONG,
)
from pcrl.evaluation.statistics.inference.skewness import skewed_widths
from pcrl.evaluation.tasks.classification.details.calibration import FEWEST_FOR_INTERCEPT, FEWEST_FOR_SLOPE

Family = Callable[[Rng, Draw], Pooled]
_CELLS = 1 << 22
"""Numbers of one table that are computed at once."""
_TRUE = Draw(100, 20, 500, 0.0, 0.0)
_TRUE_OF_BINS = Draw(20, 5, 20_000, 0.0, 0.0)
"""Of a calibration error, which is too high where bins are small."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score that is simulated.

    Args:
        ordered: it has an interval only where enough of the smaller side are ranked wrongly.
        fewest, fewest_to_test: patients of a side for an interval, and for a test.
        arms: with one there is no difference.
        patients: with fewer there is no interval.
        width: how many numbers there are of a patient.
    """

    family: Family
    ordered: bool = False
    fewest: int = 0
    fewest_to_test: int = 0
    arms: int = 2
    patients: int = FEWEST_PATIENTS
    width: int = 1
    true: Draw = _TRUE


def _of_order(family: Family, width: int = 1) -> Score:
    return Score(family, True, FEWEST_OF_A_SIDE, FEWEST_TO_TEST_OF_A_SIDE, width=width)


_CANDIDATES = 4 * scans.FALSE_CANDIDATES
GIVEN: dict[str, Score] = {
    "AUPRC, half positive": _of_order(partial(pooled.precision, 0.5, 1.3)),
    "AUPRC, a quarter positive": _of_order(partial(pooled.precision, 0.25, 1.3)),
    "sensitivity 0.75, half positive": _of_order(partial(pooled.sensitivity, 0.5, 1.3)),
    "sensitivity 0.75, a quarter positive": _of_order(partial(pooled.sensitivity, 0.25, 1.3)),
    "sensitivity 0.9, half positive": _of_order(partial(pooled.sensitivity, 0.5, 2.4)),
    "CPM 0.73": _of_order(partial(scans.cpm, 2.0), _CANDIDATES),
    "CPM 0.88": _of_order(partial(scans.cpm, 2.8), _CANDIDATES),
    "nodules found at a threshold": _of_order(partial(scans.found, 2.0), _CANDIDATES),
    "false positives a scan": Score(partial(scans.false_positives, 2.0), width=_CANDIDATES),
    **{
        f"calibration {name}, a {part} positive": Score(
            partial(family, mean, factor), fewest=fewest, arms=1, patients=patients
        )
        for name, family, fewest, patients in (
            ("intercept", calibrated.intercept, 0, FEWEST_FOR_INTERCEPT),
            ("slope", calibrated.slope, FEWEST_FOR_SLOPE, FEWEST_PATIENTS),
        )
        for part, mean, factor in (
            ("third", calibrated.A_THIRD, calibrated.EXTREME),
            ("tenth", calibrated.A_TENTH, calibrated.RIGHT),
        )
    },
}
"""Those of which evaluations give intervals."""
WITHHELD: dict[str, dict[str, Score]] = {
    "Dice of all voxels": {
        f"sizes {sizes}, failing {failing}": Score(partial(pooled.dice_of_voxels, sizes, failing))
        for sizes in (0.3, 0.6, 1.2)
        for failing in (False, True)
    },
    "the calibration error": {
        f"mean {mean}, factor {factor}": Score(
            partial(calibrated.error, mean, factor), arms=1, true=_TRUE_OF_BINS
        )
        for mean in (calibrated.A_THIRD, calibrated.A_TENTH)
        for factor in (calibrated.EXTREME, calibrated.RIGHT)
    },
}
"""Those of which they give none: families of each."""


def shared_rates(score: Score, draw: Draw, rng: Rng) -> Rates:
    """Of a score; `draw.gain` is for the intervals, the test is of arms that are alike."""
    true = true_scores(score, draw.of_seed, draw.gain)
    drawn = _drawn(score, draw, rng)
    enough = np.full(draw.simulations, draw.patients >= score.patients)
    of_score = enough & _allowed(score, drawn.by_seed[:, -1:], drawn, score.fewest)
    held = _share_of(_holds(drawn.by_seed[:, -1], drawn.values[:, -1], true[-1]), of_score)
    if score.arms == 1:
        return Rates(None, None, held, float(of_score.mean()))
    alike = _drawn(score, replace(draw, gain=0.0), rng)
    tested = _known(alike) & _many(alike, score.fewest_to_test)
    gaps, true_gap = _gaps(drawn), true[0] - true[1]
    of_gap = enough & _allowed(score, drawn.by_seed, drawn, score.fewest)
    inside = np.abs(gaps[0].mean(axis=1) - true_gap) <= _reach(gaps[1])
    called = np.abs(_gaps(alike)[0].mean(axis=1)) > _reach(_gaps(alike)[1])
    return Rates(_share_of(called, tested), _share_of(inside, of_gap), held, float(of_gap.mean()))


def covered(score: Score, draw: Draw, rng: Rng) -> float:
    """How often the interval of a score would hold the true one, wherever it is defined."""
    drawn = _drawn(score, draw, rng)
    true = true_scores(score, draw.of_seed, draw.gain)[-1]
    return float(_holds(drawn.by_seed[:, -1], drawn.values[:, -1], true)[_known(drawn)].mean())


@cache
def true_scores(score: Score, of_seed: float, gain: float) -> tuple[float, ...]:
    """Of each arm: means over many patients and seeds."""
    draw = replace(score.true, of_seed=of_seed, gain=gain)
    large = _drawn(score, draw, np.random.default_rng(1)).by_seed
    return tuple(np.nanmean(large, axis=(0, 2)).tolist())


def _drawn(score: Score, draw: Draw, rng: Rng) -> Pooled:
    """In parts, so that no table is large."""
    each = draw.seeds * draw.patients * score.arms * score.width
    size, parts = max(1, _CELLS // each), []
    for start in range(0, draw.simulations, size):
        parts.append(score.family(rng, replace(draw, simulations=min(size, draw.simulations - start))))
    sides = None if parts[0].sides is None else np.concatenate([part.sides for part in parts])
    by_seed, values = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("by_seed", "values")
    )
    return Pooled(by_seed, values, sides)


def _allowed(score: Score, by_seed: Values, drawn: Pooled, fewest: int) -> NDArray[np.bool_]:
    """Which simulations have an interval, as `SharedScores` decides it."""
    allowed = _known(drawn) & _many(drawn, fewest)
    if not score.ordered:
        return allowed
    return allowed & ((1 - by_seed.mean(axis=2).max(axis=1)) * drawn.sides.min(axis=1) >= FEWEST_WRONG)


def _known(drawn: Pooled) -> NDArray[np.bool_]:
    return np.isfinite(drawn.values).all(axis=(1, 2, 3)) & np.isfinite(drawn.by_seed).all(axis=(1, 2))


def _many(drawn: Pooled, fewest: int) -> NDArray[np.bool_]:
    return np.full(len(drawn.values), True) if drawn.sides is None else drawn.sides.min(axis=1) >= fewest


def _gaps(drawn: Pooled) -> tuple[Values, Values]:
    return drawn.by_seed[:, 0] - drawn.by_seed[:, 1], drawn.values[:, 0] - drawn.values[:, 1]


def _reach(values: Values) -> Values:
    with np.errstate(invalid="ignore"):
        return MeanSquares.of(values).half_width()


def _holds(by_seed: Values, values: Values, true: float) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        down, up = skewed_widths(values)
    value = by_seed.mean(axis=1)
    return np.asarray((value - down <= true) & (true <= value + up))


def _share_of(holds: Values, chosen: NDArray[np.bool_]) -> float | None:
    return share_of(holds[chosen], len(holds))
