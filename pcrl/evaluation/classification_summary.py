"""From the scores of test images to AUROCs: of images, of studies, of seeds, with intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.image_table import ImageTable
from pcrl.evaluation.bootstrap import Resampled, average, difference, resample
from pcrl.evaluation.calibration import calibration
from pcrl.evaluation.roc import auroc_per_label, mean_of
from pcrl.evaluation.studies import by_study

Scores = NDArray[np.float64]
UNITS = ("images", "studies")
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


def scores_of(scores: Scores, tables: Tables) -> dict[str, Any]:
    """AUROC of each scored label, and their mean, of the scores (n, labels) of one run."""
    result: dict[str, Any] = {}
    for unit in UNITS:
        chosen, truth, _ = tables.unit(unit, scores)
        areas = auroc_per_label(chosen, truth)
        result[unit] = {"labels": dict(zip(tables.scored, areas, strict=True)), "mean": mean_of(areas)}
    return result


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


def summarise(runs: Mapping[int, Scores], again: Again, tables: Tables) -> dict[str, Any]:
    """Means over seeds, with the interval of that mean; arguments as, and result of, `resampled`."""
    summary: dict[str, Any] = {}
    for unit in UNITS:
        found = [tables.unit(unit, scores) for scores in runs.values()]
        areas = [auroc_per_label(scores, truth) for scores, truth, _ in found]
        drawn = again[unit]
        intervals = drawn.intervals() if drawn else [None] * len(tables.columns)
        truth = found[0][1]
        labels = {}
        for place, name in enumerate(tables.scored):
            labels[name] = {
                "auroc": mean_of([area[place] for area in areas]),
                "interval": intervals[place],
                "positives": int((truth[:, place] == 1).sum()),
                "negatives": int((truth[:, place] == 0).sum()),
                "calibration": _calibration([(scores[:, place], truth[:, place]) for scores, _, _ in found]),
            }
        summary[unit] = {
            "labels": labels,
            "mean": {
                "auroc": mean_of([mean_of(area) for area in areas]),
                "interval": drawn.mean_interval() if drawn else None,
            },
        }
    return summary


def compare_arms(again: Mapping[str, Again]) -> list[dict[str, Any]]:
    """Interval of the difference of mean AUROCs per image, of the first arm and each other, in the same resamples."""
    first, *others = again
    result: list[dict[str, Any]] = []
    for other in others:
        mine, theirs = again[first]["images"], again[other]["images"]
        interval = difference(mine, theirs) if mine and theirs else None
        result.append({"arm": first, "minus": other, "interval": interval})
    return result


def _calibration(parts: Sequence[tuple[Scores, Scores]]) -> dict[str, float] | None:
    """Brier score and calibration error, means over seeds; none where no image counts."""
    each = [found for scores, truth in parts if (found := calibration(scores, truth)) is not None]
    if not each:
        return None
    return {
        "brier": float(np.mean([found.brier for found in each])),
        "error": float(np.mean([found.error for found in each])),
    }
