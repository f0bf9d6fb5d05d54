"""Brier score and calibration, per image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pcrl.evaluation.records.results import Row
from pcrl.evaluation.statistics.inference import estimate
from pcrl.evaluation.statistics.inference.comparisons import row_of
from pcrl.evaluation.statistics.inference.estimate import FEWEST_PATIENTS, Estimate
from pcrl.evaluation.statistics.inference.jackknife import pseudo_values
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.evaluation.statistics.probabilities.calibration import calibration, error_by_chance
from pcrl.evaluation.statistics.probabilities.influence import without_each
from pcrl.evaluation.statistics.probabilities.recalibration import recalibration
from pcrl.evaluation.statistics.roc import Truth
from pcrl.evaluation.tasks.classification.summary import Scores, Tables, UnitResults

FEWEST_FOR_INTERCEPT = 25
"""Patients: with fewer, of whom one in ten has the finding, no interval of an intercept covers."""
FEWEST_FOR_SLOPE = 3
"""Patients with the finding, and without it: with fewer no interval of a slope covers."""
WITHOUT = {
    "calibration": "a calibration error of few images is too high by an amount that resampling does not show: an "
    "interval would hold in 23 to 100 % of studies instead of 95",
    "calibration_by_chance": "it is what chance comes to",
}
"""Why these have no interval; the numbers are of `benchmarks/inference`."""


def calibration_rows(runs: Mapping[int, Scores], of: UnitResults, tables: Tables) -> list[Row]:
    """Brier score, calibration error, and what it is by chance; intercept and slope; per image, means over seeds.

    Left out of labels for which no image counts.

    Args:
        runs: seed → probabilities (n, labels).
        of: scores of the images, which have the Brier score.
    """
    rows = []
    for number, (column, name) in enumerate(zip(tables.columns, tables.scored, strict=True)):
        brier = of.brier.score(number)
        if brier is None:
            continue
        scores, truth = [each[:, column] for each in runs.values()], tables.truth[:, column]
        known = {"brier": brier, **_errors(scores, truth), **_shifts(scores, truth, tables.patients)}
        for metric, one in known.items():
            rows.append(row_of((name, metric), one, of.seeds, of.patients[number], {}))
    if len(tables.columns) > 1 and (mean := of.brier.mean().score(0)):
        rows.append(row_of((MEAN, "brier"), mean, of.seeds, of.all_patients, {}))
    return rows


def _errors(scores: list[Scores], truth: Truth) -> dict[str, Estimate | None]:
    """Calibration error, and what it is by chance, of all seeds."""
    found: dict[str, Estimate | None] = {}
    errors = [one.error if (one := calibration(each, truth)) else None for each in scores]
    by_chance = [error_by_chance(each, truth) for each in scores]
    for metric, values in (("calibration", errors), ("calibration_by_chance", by_chance)):
        by_seed = tuple(np.nan if value is None else value for value in values)
        undefined = np.isnan(by_seed).any()
        found[metric] = None if undefined else Estimate(float(np.mean(by_seed)), by_seed, why=WITHOUT[metric])
    return found


def _shifts(scores: list[Scores], truth: Truth, patients: list[str]) -> dict[str, Estimate | None]:
    """Calibration intercept and slope of all seeds, with intervals over patients and seeds."""
    counts = ~np.isnan(truth)
    owners = np.unique(np.asarray(patients)[counts], return_inverse=True)[1]
    positive, right = truth[counts] > 0.5, [each[counts] for each in scores]
    whole = [recalibration(each, truth[counts]) for each in right]
    deleted = np.array([without_each(each, truth[counts], owners) for each in right])
    sides = [len(np.unique(owners[positive == side])) for side in (True, False)]
    found: dict[str, Estimate | None] = {}
    for place, metric in enumerate(("intercept", "slope")):
        of_seeds = np.array([getattr(one, metric) for one in whole], np.float64)
        values = np.array([pseudo_values(*pair) for pair in zip(of_seeds, deleted[..., place], strict=True)])
        name = f"calibration_{metric}"
        refused = _too_few(metric, values.shape[1], sides)
        if not refused and np.isnan(values).any():
            refused = "undefined without one of the patients"
        undefined = np.isnan(of_seeds).any()
        found[name] = None if undefined else estimate.score(of_seeds, values, None, refused)
    return found


def _too_few(metric: str, patients: int, sides: list[int]) -> str:
    if metric == "intercept" and FEWEST_PATIENTS <= patients < FEWEST_FOR_INTERCEPT:
        return f"fewer than {FEWEST_FOR_INTERCEPT} patients: too few where one in ten has the finding"
    if metric == "slope" and min(sides) < FEWEST_FOR_SLOPE:
        with_it, without = sides
        return (
            f"{with_it} patients with the finding, {without} without: fewer than {FEWEST_FOR_SLOPE} of a side"
        )
    return ""
