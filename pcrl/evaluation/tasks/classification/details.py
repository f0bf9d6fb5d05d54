"""What a classifier's probabilities are worth beside their order: precision, operating points and calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Interval, Metric, Row
from pcrl.evaluation.statistics.bootstrap import Resamples, interval_of
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.evaluation.statistics.probabilities.calibration import calibration, error_by_chance
from pcrl.evaluation.statistics.probabilities.drawn import drawn_patients
from pcrl.evaluation.statistics.probabilities.operating_point import rates_at, youden_threshold
from pcrl.evaluation.statistics.probabilities.precision_recall import weighted_precisions
from pcrl.evaluation.statistics.probabilities.recalibration import recalibration
from pcrl.evaluation.tasks.classification.summary import FEWEST_OF_A_SIDE, UNITS, Scores, Tables

PRECISION = {"images": "auprc", "studies": "auprc_study"}
SIDES = {"sensitivity": "positives", "specificity": "negatives"}
Thresholds = Mapping[int, NDArray[np.float64]]
"""Seed → threshold of each scored label, NaN where validation images choose none."""
Weighted = Callable[[int, NDArray[np.float64]], NDArray[np.float64]]
"""(number of the label, (w, patients) weights) → (w,), NaN where undefined."""
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
        of_seeds = [partial(_precisions, scores, truth, owners) for scores, _, _ in scored]
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
        of_seeds = [
            partial(_rates, scores[:, tables.columns], truth, owners, thresholds[seed], side)
            for seed, scores in runs.items()
        ]
        rows += _rows(name, of_seeds, truth, owners, tables.scored, (counted,))
    return rows


def calibration_rows(runs: Mapping[int, Scores], tables: Tables) -> list[Row]:
    """Brier score, calibration error, and what it is by chance; intercept and slope; per image, means over seeds.

    Left out of labels for which no image counts.
    """
    rows = []
    for column, name in zip(tables.columns, tables.scored, strict=True):
        truth = tables.truth[:, column]
        known = ~np.isnan(truth)
        if not known.any():
            continue
        patients = len({tables.patients[n] for n in np.flatnonzero(known)})
        values: dict[str, list[float | None]] = {}
        for scores in runs.values():
            of = calibration(scores[:, column], truth)
            shift = recalibration(scores[:, column], truth)
            assert of is not None
            for metric, value in (
                ("brier", of.brier),
                ("calibration", of.error),
                ("calibration_by_chance", error_by_chance(scores[:, column], truth)),
                ("calibration_intercept", shift.intercept),
                ("calibration_slope", shift.slope),
            ):
                values.setdefault(metric, []).append(value)
        for metric, of_seeds in values.items():
            defined = [value for value in of_seeds if value is not None]
            mean = float(np.mean(defined)) if len(defined) == len(of_seeds) else None
            rows.append(Row(label=name, metric=metric, value=mean, patients=patients))
    return rows


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
    of_seeds: Sequence[Weighted],
    truth: NDArray[np.float64],
    owners: NDArray[np.int64],
    labels: Sequence[str],
    counted: Sequence[str],
) -> list[Row]:
    """A row for each label, and for the mean of those that are defined, with intervals over patients."""
    patients = int(owners.max()) + 1
    whole = np.ones((1, patients))
    drawn = drawn_patients(patients)
    rows, areas, resamples = [], [], []
    for label, name in enumerate(labels):
        area = float(np.mean([one(label, whole)[0] for one in of_seeds]))
        sides = {"positives": truth[:, label] == 1, "negatives": truth[:, label] == 0}
        sure = min(len(np.unique(owners[which])) for which in sides.values()) >= FEWEST_OF_A_SIDE
        interval: Interval | None = None
        if drawn is not None and not np.isnan(area):
            values = np.mean([one(label, drawn) for one in of_seeds], axis=0)
            resamples.append(values)
            interval = interval_of(values) if sure else None
        areas.append(area)
        rows.append(
            Row(
                label=name,
                metric=metric,
                value=None if np.isnan(area) else area,
                interval=interval,
                patients=len(np.unique(owners[~np.isnan(truth[:, label])])),
                counts={side: int(sides[side].sum()) for side in counted},
            )
        )
    if len(labels) > 1:
        defined = [area for area in areas if not np.isnan(area)]
        mean = float(np.mean(defined)) if defined else None
        interval = Resamples(np.stack(resamples, axis=1)).mean_interval() if resamples else None
        rows.append(Row(label=MEAN, metric=metric, value=mean, interval=interval, patients=patients))
    return rows
