"""From the scores of test images to AUROCs: of images, of studies, of seeds, with intervals over patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.records.results import Comparison, Line, Row
from pcrl.evaluation.statistics.bootstrap import Resampled, average, difference, resample
from pcrl.evaluation.statistics.calibration import calibration
from pcrl.evaluation.statistics.paired import swap
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.evaluation.statistics.roc import auroc_per_label, mean_of, roc_curve, thinned
from pcrl.evaluation.statistics.studies import by_study

Scores = NDArray[np.float64]
UNITS = ("images", "studies")
FEWEST_OF_A_SIDE = 5
"""Patients with a finding, and without it, below which its AUROC has no interval."""
METRIC = {"images": "auroc", "studies": "auroc_study"}
Again = dict[str, Resampled | None]
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


def resampled(runs: Mapping[int, Scores], tables: Tables) -> Again:
    """AUROCs of resamples of the test patients, of images and of studies.

    Each seed is resampled alike and the AUROCs of a resample are averaged over seeds: they are the mean of the seeds,
    not the score of their averaged answers.

    Args:
        runs: seed → probabilities (n, labels).
    """
    again: Again = {}
    for unit in UNITS:
        parts = [resample(*tables.unit(unit, scores)) for scores in runs.values()]
        there = [part for part in parts if part is not None]
        again[unit] = average(there) if there else None
    return again


def rows_of(runs: Mapping[int, Scores], again: Again, tables: Tables) -> list[Row]:
    """Means over seeds, with the interval of that mean; arguments as, and result of, `resampled`."""
    rows: list[Row] = []
    for unit in UNITS:
        found = [tables.unit(unit, scores) for scores in runs.values()]
        areas = [auroc_per_label(scores, truth) for scores, truth, _ in found]
        drawn = again[unit]
        intervals = drawn.intervals() if drawn else [None] * len(tables.columns)
        _, truth, whose = found[0]
        patients = np.asarray(whose)
        metric, of = METRIC[unit], len(set(patients))
        for place, name in enumerate(tables.scored):
            sides = {"positives": truth[:, place] == 1, "negatives": truth[:, place] == 0}
            counts = {side: int(which.sum()) for side, which in sides.items()}
            # Of one or two positives a bootstrap knows only how their negatives vary.
            sure = min(len(set(patients[which])) for which in sides.values()) >= FEWEST_OF_A_SIDE
            area = mean_of([one[place] for one in areas])
            rows.append(
                Row(
                    label=name,
                    metric=metric,
                    value=area,
                    interval=intervals[place] if sure else None,
                    patients=len(set(patients[~np.isnan(truth[:, place])])),
                    counts=counts,
                )
            )
        if len(tables.columns) > 1:
            area = mean_of([mean_of(one) for one in areas])
            interval = drawn.mean_interval() if drawn else None
            rows.append(Row(label=MEAN, metric=metric, value=area, interval=interval, patients=of))
        if unit == "images":
            rows += _calibration([(scores, truth) for scores, truth, _ in found], tables.scored, of)
    return rows


def compare_first(
    found: Mapping[str, Mapping[int, Scores]], again: Mapping[str, Again], tables: Tables
) -> list[Comparison]:
    """Mean AUROC of the first arm and of each other: interval over the same resamples, p by swapping within patients.

    Args:
        found: arm → seed → probabilities (n, labels).
        again: arm → what `resampled` gives.
    """
    first, *others = found
    comparisons = []
    for other in others:
        for unit in UNITS:
            metric, patients = _swapped(unit, found[first], found[other], tables)
            nobody = np.zeros(patients, bool)
            difference_found = metric(0, nobody) - metric(1, nobody)
            if np.isnan(difference_found):
                continue
            mine, theirs = again[first][unit], again[other][unit]
            comparisons.append(
                Comparison(
                    label=MEAN if len(tables.columns) > 1 else tables.scored[0],
                    metric=METRIC[unit],
                    arm=first,
                    minus=other,
                    difference=difference_found,
                    interval=difference(mine, theirs) if mine and theirs else None,
                    p=swap(metric, patients),
                    patients=patients,
                )
            )
    return comparisons


def lines_of(found: Mapping[str, Mapping[int, Scores]], tables: Tables) -> list[Line]:
    """ROC curves per image of every arm, the first seed's, of the scored labels that have one."""
    lines = []
    for arm, runs in found.items():
        scores, truth, _ = tables.unit("images", next(iter(runs.values())))
        for place, label in enumerate(tables.scored):
            known = ~np.isnan(truth[:, place])
            positive = truth[known, place] > 0.5
            if positive.any() and not positive.all():
                false, true = thinned(*roc_curve(scores[known, place], positive))
                lines.append(Line(kind="roc", arm=arm, label=label, x=false, y=true))
    return lines


def _swapped(
    unit: str, first: Mapping[int, Scores], second: Mapping[int, Scores], tables: Tables
) -> tuple[Callable[[int, NDArray[np.bool_]], float], int]:
    """What `paired.swap` asks for, and the number of patients.

    Scores are replaced by their ranks within an arm: networks differ in how sure they are, and what is exchanged has
    to mean the same in both.
    """
    pairs, truth, whose = [], np.empty(0), np.empty(0, np.int64)
    for seed in first.keys() & second.keys():
        mine, truth, patients = tables.unit(unit, first[seed])
        theirs, _, _ = tables.unit(unit, second[seed])
        whose = np.unique(np.asarray(patients), return_inverse=True)[1]
        pairs.append((rankdata(mine, axis=0), rankdata(theirs, axis=0)))

    def metric(arm: int, swapped: NDArray[np.bool_]) -> float:
        exchanged = swapped[whose][:, None]
        means = [
            mean_of(auroc_per_label(np.where(exchanged, pair[1 - arm], pair[arm]), truth)) for pair in pairs
        ]
        mean = mean_of(means)
        return float("nan") if mean is None else mean

    return metric, int(whose.max()) + 1


def _calibration(parts: Sequence[tuple[Scores, Scores]], labels: Sequence[str], patients: int) -> list[Row]:
    """Brier score and calibration error of each label, means over seeds; left out where no image counts."""
    rows = []
    for place, name in enumerate(labels):
        each = [calibration(scores[:, place], truth[:, place]) for scores, truth in parts]
        there = [found for found in each if found is not None]
        if there:
            brier = float(np.mean([found.brier for found in there]))
            error = float(np.mean([found.error for found in there]))
            rows.append(Row(label=name, metric="brier", value=brier, patients=patients))
            rows.append(Row(label=name, metric="calibration", value=error, patients=patients))
    return rows
