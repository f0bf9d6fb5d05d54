"""From the scores of test images to AUROCs: of images, of studies, of seeds, with intervals over patients and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.records.results import Comparison, Line, Row
from pcrl.evaluation.statistics.inference.comparisons import comparison, row_of
from pcrl.evaluation.statistics.inference.jackknife import deleted_aurocs, deleted_means, pseudo_values
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.evaluation.statistics.roc import auroc_per_label, roc_points
from pcrl.evaluation.statistics.studies import by_study

Scores = NDArray[np.float64]
UNITS = ("images", "studies")
METRIC = {"images": "auroc", "studies": "auroc_study"}
COMPARED = (("images", "auroc"), ("studies", "auroc"), ("images", "brier"))


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


@dataclass(frozen=True, slots=True)
class UnitResults:
    """Scores of one arm, of images or of studies, with pseudo-values of the patients; a column for each scored label.

    Args:
        counts: positives and negatives of each label.
        patients: how many count for each label, and in all.
    """

    seeds: tuple[int, ...]
    auroc: SharedScores
    brier: SharedScores
    counts: list[dict[str, int]]
    patients: list[int]
    all_patients: int


ResultsByUnit = dict[str, UnitResults]


def results_of(runs: Mapping[int, Scores], tables: Tables, units: Sequence[str] = UNITS) -> ResultsByUnit:
    """Scores of each seed, and what each patient contributes to them: not the scores of averaged predictions.

    Args:
        runs: seed → probabilities (n, labels).
    """
    return {
        unit: _of_unit([tables.unit(unit, each) for each in runs.values()], tuple(runs)) for unit in units
    }


def _of_unit(scored: Sequence[tuple[Scores, Scores, list[str]]], seeds: tuple[int, ...]) -> UnitResults:
    """Of the scores, truth and patients of each seed."""
    _, truth, names = scored[0]
    owners = np.asarray(names)
    everyone, places = np.unique(owners, return_inverse=True)
    of_label = truth.T
    sides = np.array([[len(set(owners[label == value])) for value in (1, 0)] for label in of_label])
    return UnitResults(
        seeds,
        _shared([_aurocs(scores, truth, places) for scores, _, _ in scored], sides),
        _shared([_briers(scores, truth, places) for scores, _, _ in scored]),
        [{"positives": int((label == 1).sum()), "negatives": int((label == 0).sum())} for label in of_label],
        [len(set(owners[~np.isnan(label)])) for label in of_label],
        len(everyone),
    )


def _shared(
    of_seeds: Sequence[tuple[Scores, Scores]], sides: NDArray[np.int64] | None = None
) -> SharedScores:
    """From the scores (labels,) and those without each patient (patients, labels) of each seed."""
    return SharedScores(
        np.array([whole for whole, _ in of_seeds]),
        np.array([pseudo_values(whole, deleted) for whole, deleted in of_seeds]),
        sides,
    )


def _aurocs(scores: Scores, truth: Scores, places: NDArray[np.int64]) -> tuple[Scores, Scores]:
    whole = [np.nan if area is None else area for area in auroc_per_label(scores, truth)]
    count = int(places.max()) + 1
    pairs = zip(scores.T, truth.T, strict=True)
    return np.array(whole), np.stack([deleted_aurocs(*pair, places, count) for pair in pairs], axis=1)


def _briers(scores: Scores, truth: Scores, places: NDArray[np.int64]) -> tuple[Scores, Scores]:
    squares, count = (scores - truth) ** 2, int(places.max()) + 1
    whole = [label[~np.isnan(label)].mean() if (~np.isnan(label)).any() else np.nan for label in squares.T]
    return np.array(whole), np.stack([deleted_means(label, places, count) for label in squares.T], axis=1)


def rows_of(results: ResultsByUnit, tables: Tables) -> list[Row]:
    """AUROCs, means over seeds, with their intervals; of what `results_of` gives."""
    rows: list[Row] = []
    for unit, of in results.items():
        for column, name in enumerate(tables.scored):
            known, patients = of.auroc.score(column), of.patients[column]
            rows.append(row_of((name, METRIC[unit]), known, of.seeds, patients, of.counts[column]))
        if len(tables.columns) > 1:
            known = of.auroc.mean().score(0)
            rows.append(row_of((MEAN, METRIC[unit]), known, of.seeds, of.all_patients, {}))
    return rows


def compare_first(results: Mapping[str, ResultsByUnit], tables: Tables) -> list[Comparison]:
    """Mean AUROC, and Brier score, of the first arm and of each other; what is not defined is not compared.

    Args:
        results: arm → what `results_of` gives.
    """
    first, *others = results
    label = MEAN if len(tables.columns) > 1 else tables.scored[0]
    found = []
    for other in others:
        for unit, metric in COMPARED:
            ones, twos = (getattr(results[arm][unit], metric).mean() for arm in (first, other))
            if known := ones.difference(twos, 0):
                of = results[first][unit]
                named = (label, METRIC[unit] if metric == "auroc" else metric)
                found.append(comparison((first, other), named, known, of.seeds, of.all_patients))
    return found


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
