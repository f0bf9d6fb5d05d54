"""What a classifier's probabilities are worth beside their order: precision, operating points and calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Metric, Row
from pcrl.evaluation.statistics.inference.comparisons import row_of
from pcrl.evaluation.statistics.inference.estimate import Estimate
from pcrl.evaluation.statistics.inference.jackknife import pseudo_values
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.evaluation.statistics.probabilities.calibration import calibration, error_by_chance
from pcrl.evaluation.statistics.probabilities.operating_point import rates_at, youden_threshold
from pcrl.evaluation.statistics.probabilities.precision_recall import weighted_precisions
from pcrl.evaluation.statistics.probabilities.recalibration import recalibration
from pcrl.evaluation.statistics.roc import Truth
from pcrl.evaluation.tasks.classification.summary import UNITS, Scores, Tables, UnitResults

PRECISION = {"images": "auprc", "studies": "auprc_study"}
SIDES = {"sensitivity": "positives", "specificity": "negatives"}
Thresholds = Mapping[int, NDArray[np.float64]]
"""Seed → threshold of each scored label, NaN where validation images choose none."""
Weighted = Callable[[int, NDArray[np.float64]], NDArray[np.float64]]
"""(number of the label, (w, patients) weights) → (w,), NaN where undefined."""
BIASED = "a calibration error of few images is too high by an amount that resampling does not show"
WITHOUT = {
    "calibration": BIASED,
    "calibration_by_chance": "it is what chance comes to",
    "calibration_intercept": "no interval is computed of it",
    "calibration_slope": "no interval is computed of it",
}
"""Why these have no interval."""
_CHOSEN = (
    "at the threshold with the highest sum of sensitivity and specificity on validation images, per image"
)
METRICS = (
    Metric(
        name="auprc", title="AUPRC per image", within=(0, 1),
        definition="Average precision; guessing comes to the share of positives.",
    ),
    Metric(name="auprc_study", title="AUPRC per study", within=(0, 1), definition="The same of studies."),
    Metric(
        name="sensitivity", title="Sensitivity", within=(0, 1), detail=True,
        definition=f"Share of positives that are called positive {_CHOSEN}.",
    ),
    Metric(
        name="specificity", title="Specificity", within=(0, 1), detail=True,
        definition=f"Share of negatives that are called negative {_CHOSEN}.",
    ),
    Metric(
        name="brier", title="Brier score", better="lower", within=(0, 1), detail=True,
        definition="Mean squared difference of probability and truth.",
    ),
    Metric(
        name="calibration", title="Calibration error", better="lower", within=(0, 1), detail=True,
        definition="Expected calibration error in ten bins of equally many images.",
    ),
    Metric(
        name="calibration_by_chance", title="Calibration error by chance", better="neither", within=(0, 1), detail=True,
        definition="The calibration error that a perfectly calibrated classifier with the same probabilities has on so "
        "many images: errors about as large say nothing against a classifier.",
    ),
    Metric(
        name="calibration_intercept", title="Calibration intercept", better="nearer", ideal=0.0, detail=True,
        definition="By how much, in logits, all probabilities would have to rise (calibration in the large).",
    ),
    Metric(
        name="calibration_slope", title="Calibration slope", better="nearer", ideal=1.0, detail=True,
        definition="Of a logistic regression of the truth on the logits: below 1 probabilities are too extreme.",
    ),
)  # fmt: skip


def precision_rows(runs: Mapping[int, Scores], tables: Tables) -> list[Row]:
    """AUPRC per image and per study, means over seeds.

    Args:
        runs: seed → probabilities (n, labels).
    """
    rows = []
    for unit in UNITS:
        scored = [tables.unit(unit, scores) for scores in runs.values()]
        _, truth, patients = scored[0]
        owners = np.unique(np.asarray(patients), return_inverse=True)[1]
        of_seeds = {
            seed: partial(_precisions, scores, truth, owners)
            for seed, (scores, _, _) in zip(runs, scored, strict=True)
        }
        rows += _rows(PRECISION[unit], of_seeds, truth, owners, tables.scored, ("positives", "negatives"))
    return rows


def thresholds_of(
    validation: Mapping[int, tuple[Scores, NDArray[np.float32]]], tables: Tables
) -> dict[int, NDArray[np.float64]]:
    """The thresholds that validation images choose.

    Args:
        validation: seed → probabilities and truth of its validation images, (n, labels) each.
    """
    return {
        seed: np.array(
            [youden_threshold(scores[:, column], truth[:, column]) for column in tables.columns], np.float64
        )
        for seed, (scores, truth) in validation.items()
    }


def operating_rows(runs: Mapping[int, Scores], thresholds: Thresholds, tables: Tables) -> list[Row]:
    """Sensitivity and specificity per image at each seed's own thresholds, means over seeds."""
    owners = np.unique(np.asarray(tables.patients), return_inverse=True)[1]
    truth, rows = tables.truth[:, tables.columns].astype(np.float64), []
    for side, (name, counted) in enumerate(SIDES.items()):
        of_seeds = {
            seed: partial(_rates, scores[:, tables.columns], truth, owners, thresholds[seed], side)
            for seed, scores in runs.items()
        }
        rows += _rows(name, of_seeds, truth, owners, tables.scored, (counted,))
    return rows


def calibration_rows(runs: Mapping[int, Scores], of: UnitResults, tables: Tables) -> list[Row]:
    """Brier score, calibration error, and what it is by chance; intercept and slope; per image, means over seeds.

    Left out of labels for which no image counts.

    Args:
        of: scores of the images, which have the Brier score.
    """
    rows = []
    for number, (column, name) in enumerate(zip(tables.columns, tables.scored, strict=True)):
        brier = of.brier.score(number)
        if brier is None:
            continue
        rows.append(row_of((name, "brier"), brier, of.seeds, of.patients[number], {}))
        values: dict[str, list[float | None]] = {}
        for scores in runs.values():
            for metric, value in _calibrated(scores[:, column], tables.truth[:, column]).items():
                values.setdefault(metric, []).append(value)
        for metric, of_seeds in values.items():
            by_seed = tuple(np.nan if value is None else value for value in of_seeds)
            why = WITHOUT[metric]
            known = None if np.isnan(by_seed).any() else Estimate(float(np.mean(by_seed)), by_seed, why=why)
            rows.append(row_of((name, metric), known, of.seeds, of.patients[number], {}))
    if len(tables.columns) > 1 and (mean := of.brier.mean().score(0)):
        rows.append(row_of((MEAN, "brier"), mean, of.seeds, of.all_patients, {}))
    return rows


def _calibrated(scores: Scores, truth: Truth) -> dict[str, float | None]:
    of, shift = calibration(scores, truth), recalibration(scores, truth)
    return {
        "calibration": of.error if of else None,
        "calibration_by_chance": error_by_chance(scores, truth),
        "calibration_intercept": shift.intercept,
        "calibration_slope": shift.slope,
    }


def _precisions(
    scores: Scores, truth: Scores, owners: NDArray[np.int64], label: int, weights: Scores
) -> NDArray[np.float64]:
    return weighted_precisions(scores[:, label], truth[:, label], owners, weights)


def _rates(
    scores: Scores, truth: Scores, owners: NDArray[np.int64], thresholds: Scores, side: int, label: int, weights: Scores
) -> NDArray[np.float64]:  # fmt: skip
    threshold = float(thresholds[label])
    if np.isnan(threshold):
        return np.full(len(weights), np.nan)
    return rates_at(scores[:, label], truth[:, label], threshold, owners, weights)[:, side]


def _rows(
    metric: str,
    of_seeds: Mapping[int, Weighted],
    truth: NDArray[np.float64],
    owners: NDArray[np.int64],
    labels: Sequence[str],
    counted: Sequence[str],
) -> list[Row]:
    """A row for each label, and for the mean of those that are defined, with intervals over patients and seeds."""
    patients, seeds = int(owners.max()) + 1, tuple(of_seeds)
    whole, without = np.ones((1, patients)), 1 - np.eye(patients)
    of_labels = [
        [(one(label, whole)[0], one(label, without)) for one in of_seeds.values()]
        for label in range(len(labels))
    ]
    sides = [{"positives": label == 1, "negatives": label == 0} for label in truth.T]
    shared = SharedScores(
        np.array([[area for area, _ in label] for label in of_labels]).T,
        np.array([[pseudo_values(*pair) for pair in label] for label in of_labels]).transpose(1, 2, 0),
        np.array([[len(np.unique(owners[which])) for which in each.values()] for each in sides]),
    )
    rows = [
        row_of(
            (name, metric),
            shared.score(label),
            seeds,
            len(np.unique(owners[~np.isnan(truth[:, label])])),
            {side: int(sides[label][side].sum()) for side in counted},
        )
        for label, name in enumerate(labels)
    ]
    if len(labels) > 1:
        rows.append(row_of((MEAN, metric), shared.mean().score(0), seeds, patients, {}))
    return rows
