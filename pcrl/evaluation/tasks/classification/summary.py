"""From the scores of test images to AUROCs: of images, of studies, of seeds, with intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.records.results import Comparison, Line, Row
from pcrl.evaluation.statistics.bootstrap import Resamples, average, resample
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.evaluation.statistics.roc import auroc_per_label, mean_of, roc_points
from pcrl.evaluation.statistics.studies import by_study
from pcrl.evaluation.statistics.swapped import ExchangeableMetric, compare

Scores = NDArray[np.float64]
UNITS = ("images", "studies")
FEWEST_OF_A_SIDE = 5
"""With fewer patients with a finding, or without it, its AUROC has no interval."""
METRIC = {"images": "auroc", "studies": "auroc_study"}
ResamplesByUnit = dict[str, Resamples | None]
"""Unit → AUROCs of resamples; none with too few patients."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The test images, n of them.

    Args:
        images, patients, studies: names, (n,).
        names: of all labels.
        columns: of the labels that are scored.
        truth: (n, labels): 1, 0, or NaN where an image does not count for a label.
    """

    images: list[str]
    patients: list[str]
    studies: list[str]
    names: tuple[str, ...]
    columns: list[int]
    truth: NDArray[np.float32]

    @classmethod
    def of(
        cls, table: ImageTable, rows: NDArray[np.int64], truth: NDArray[np.float32], scored: Sequence[str]
    ) -> Tables:
        """Those of a data set."""
        columns = [table.label_names.index(name) for name in scored]
        parts = ([column[row] for row in rows] for column in (table.names, table.patients, table.studies))
        images, patients, studies = parts
        return cls(images, patients, studies, table.label_names, columns, truth)

    @property
    def scored(self) -> list[str]:
        """Names of the labels that are scored."""
        return [self.names[column] for column in self.columns]

    def unit(self, unit: str, scores: Scores) -> tuple[Scores, Scores, list[str]]:
        """Scores and truth of the scored labels, and patients, of each image or of each study."""
        chosen, truth = scores[:, self.columns], self.truth[:, self.columns].astype(np.float64)
        if unit == "images":
            return chosen, truth, self.patients
        grouped = by_study(chosen, truth, self.studies, self.patients)
        return grouped.scores, grouped.truth, grouped.patients


def resampled(runs: Mapping[int, Scores], tables: Tables) -> ResamplesByUnit:
    """AUROCs of resamples of the test patients, of images and of studies.

    Each seed is resampled alike and the AUROCs of a resample are averaged over seeds: they are the mean over seeds,
    not the score of averaged predictions.

    Args:
        runs: seed → probabilities (n, labels).
    """
    return {
        unit: average([resample(*tables.unit(unit, scores)) for scores in runs.values()]) for unit in UNITS
    }


def rows_of(runs: Mapping[int, Scores], resamples: ResamplesByUnit, tables: Tables) -> list[Row]:
    """Means over seeds, with the interval of that mean; arguments as, and result of, `resampled`."""
    rows: list[Row] = []
    for unit in UNITS:
        scored = [tables.unit(unit, scores) for scores in runs.values()]
        areas = [auroc_per_label(scores, truth) for scores, truth, _ in scored]
        drawn = resamples[unit]
        intervals = drawn.intervals() if drawn else [None] * len(tables.columns)
        _, truth, owners = scored[0]
        patients = np.asarray(owners)
        metric, of = METRIC[unit], len(set(patients))
        for column, name in enumerate(tables.scored):
            sides = {"positives": truth[:, column] == 1, "negatives": truth[:, column] == 0}
            counts = {side: int(which.sum()) for side, which in sides.items()}
            # Of one or two positives a bootstrap knows only how their negatives vary.
            sure = min(len(set(patients[which])) for which in sides.values()) >= FEWEST_OF_A_SIDE
            area = mean_of([one[column] for one in areas])
            rows.append(
                Row(
                    label=name,
                    metric=metric,
                    value=area,
                    interval=intervals[column] if sure else None,
                    patients=len(set(patients[~np.isnan(truth[:, column])])),
                    counts=counts,
                )
            )
        if len(tables.columns) > 1:
            area = mean_of([mean_of(one) for one in areas])
            interval = drawn.mean_interval() if drawn else None
            rows.append(Row(label=MEAN, metric=metric, value=area, interval=interval, patients=of))
    return rows


def compare_first(
    scores: Mapping[str, Mapping[int, Scores]], resamples: Mapping[str, ResamplesByUnit], tables: Tables
) -> list[Comparison]:
    """Mean AUROC of the first arm and of each other; what is not defined is not compared.

    Args:
        scores: arm → seed → probabilities (n, labels).
        resamples: arm → what `resampled` gives.
    """
    first, *others = scores
    label = MEAN if len(tables.columns) > 1 else tables.scored[0]
    pairs = [
        compare(
            (first, other),
            (label, METRIC[unit]),
            _exchangeable(unit, scores[first], scores[other], tables),
            (resamples[first][unit], resamples[other][unit]),
        )
        for other in others
        for unit in UNITS
    ]
    return [pair for pair in pairs if pair is not None]


def lines_of(scores: Mapping[str, Mapping[int, Scores]], tables: Tables) -> list[Line]:
    """ROC curves per image of every arm, the first seed's, of the scored labels that have one."""
    lines = []
    for arm, runs in scores.items():
        of_images, truth, _ = tables.unit("images", next(iter(runs.values())))
        for column, label in enumerate(tables.scored):
            curve = roc_points(of_images[:, column], truth[:, column])
            if curve is not None:
                lines.append(Line(kind="roc", arm=arm, label=label, x=curve[0], y=curve[1]))
    return lines


def _exchangeable(
    unit: str, first: Mapping[int, Scores], second: Mapping[int, Scores], tables: Tables
) -> ExchangeableMetric:
    """The mean AUROC over labels and seeds.

    Scores are replaced by their ranks within an arm: networks differ in how sure they are, and what is exchanged has
    to mean the same in both.
    """
    pairs, truth, patient_index = [], np.empty(0), np.empty(0, np.int64)
    for seed in first.keys() & second.keys():
        scores, truth, patients = tables.unit(unit, first[seed])
        others, _, _ = tables.unit(unit, second[seed])
        patient_index = np.unique(np.asarray(patients), return_inverse=True)[1]
        pairs.append((rankdata(scores, axis=0), rankdata(others, axis=0)))

    def metric(arm: int, swapped: NDArray[np.bool_]) -> float:
        exchanged = swapped[patient_index][:, None]
        means = [
            mean_of(auroc_per_label(np.where(exchanged, pair[1 - arm], pair[arm]), truth)) for pair in pairs
        ]
        mean = mean_of(means)
        return float("nan") if mean is None else mean

    return ExchangeableMetric(metric, int(patient_index.max()) + 1)
