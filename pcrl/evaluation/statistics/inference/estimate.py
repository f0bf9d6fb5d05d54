"""A score, or a difference of scores, with its interval over patients and seeds and its test; or why it has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcrl.evaluation.records.results import Interval
from pcrl.evaluation.statistics.inference.crossed import MeanSquares, Values, two_sided_p
from pcrl.evaluation.statistics.inference.medians import median_interval, median_p
from pcrl.evaluation.statistics.inference.skewness import skewed_widths

FEWEST_PATIENTS = 20
"""With fewer, no interval of a mean covers where one patient in ten fails: `benchmarks/inference`."""
FEWEST_TO_TEST = 6
"""With fewer, a sign test can never reach p < 0.05 (2 / 2⁵ is 0.06), and a t test leans on what cannot be seen."""
ONE_TRAINING = "one training: differences of this size come by chance"
TOO_FEW = (
    f"fewer than {FEWEST_PATIENTS} patients: of so few no interval of a mean holds where one in ten fails"
)
TOO_FEW_TO_TEST = f"fewer than {FEWEST_TO_TEST} patients"
ALL_EQUAL = "all patients and seeds have the same value"
Range = tuple[float, float]
UNIT: Range = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of a score.

    Args:
        value: mean over seeds.
        by_seed: score of each seed.
        interval: 95 %, over patients and seeds; of a score with one seed over patients alone.
        p: two-sided, of a difference of 0; none of a score.
        why: why there is no interval, or no p; empty where nothing is missing.
    """

    value: float
    by_seed: tuple[float, ...]
    interval: Interval | None = None
    p: float | None = None
    why: str = ""


def score(by_seed: Values, values: Values, limits: Range | None = UNIT, refused: str = "") -> Estimate:
    """A score that is a mean over patients, or has pseudo-values (Hall's interval).

    Args:
        by_seed: (seeds,).
        values: (seeds, patients), whose mean over patients estimates the score: the patients', or pseudo-values.
        limits: between which scores lie.
        refused: why no interval may be given, whatever the values are.
    """
    value, seeds = float(by_seed.mean()), tuple(by_seed.tolist())
    why = refused or (TOO_FEW if values.shape[1] < FEWEST_PATIENTS else "")
    if not why and np.ptp(values) == 0:
        why = ALL_EQUAL
    if why:
        return Estimate(value, seeds, why=why)
    down, up = skewed_widths(values)
    return Estimate(value, seeds, _within((value - float(down), value + float(up)), limits))


def difference(by_seed: Values, values: Values, refused: str = "", untested: str = "") -> Estimate:
    """A difference of two scores as of `score`, seed by seed and patient by patient (Student's t).

    Args:
        by_seed: differences of the scores of each seed, (seeds,).
        values: differences of patients' values, or of pseudo-values, (seeds, patients).
        refused: why no interval may be given.
        untested: why no p may be given.
    """
    value, seeds = float(by_seed.mean()), tuple(by_seed.tolist())
    why = _untested(values) or untested
    if why:
        return Estimate(value, seeds, why=why)
    squares = MeanSquares.of(values)
    p = 1.0 if value == 0 and np.ptp(values) == 0 else two_sided_p(squares, value)
    why = refused or (TOO_FEW if values.shape[1] < FEWEST_PATIENTS else "")
    if not why and np.ptp(values) == 0:
        why = ALL_EQUAL
    if why:
        return Estimate(value, seeds, None, p, why)
    width = float(squares.half_width())
    return Estimate(value, seeds, (value - width, value + width), p)


def median_score(values: Values, limits: Range | None = None) -> Estimate:
    """The median over patients of (seeds, patients), averaged over seeds (order statistics)."""
    by_seed = np.median(values, axis=-1)
    ends = median_interval(values)
    if ends is None:
        return Estimate(float(by_seed.mean()), tuple(by_seed.tolist()), why=TOO_FEW_TO_TEST)
    interval = _within((float(ends[0]), float(ends[1])), limits)
    return Estimate(float(by_seed.mean()), tuple(by_seed.tolist()), interval)


def median_difference(values: Values) -> Estimate:
    """The median over patients of their differences (seeds, patients), averaged over seeds (order statistics).

    It is not the difference of two medians.
    """
    by_seed = np.median(values, axis=-1)
    value, seeds = float(by_seed.mean()), tuple(by_seed.tolist())
    why = _untested(values)
    ends = None if why else median_interval(values)
    if ends is None:
        return Estimate(value, seeds, why=why or TOO_FEW_TO_TEST)
    return Estimate(value, seeds, (float(ends[0]), float(ends[1])), median_p(values))


def _untested(values: Values) -> str:
    seeds, patients = values.shape
    if seeds < 2:
        return ONE_TRAINING
    return TOO_FEW_TO_TEST if patients < FEWEST_TO_TEST else ""


def _within(ends: Interval, limits: Range | None) -> Interval:
    if limits is None:
        return ends
    low, high = limits
    return max(low, ends[0]), min(high, ends[1])
