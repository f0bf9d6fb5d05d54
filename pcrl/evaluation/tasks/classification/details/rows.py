"""Rows of scores that are given with a weight for each patient, so that any of them can be left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Row
from pcrl.evaluation.statistics.inference.comparisons import row_of
from pcrl.evaluation.statistics.inference.jackknife import pseudo_values
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.statistics.patients import MEAN

Weighted = Callable[[int, NDArray[np.float64]], NDArray[np.float64]]
"""(number of the label, (w, patients) weights) → (w,), NaN where undefined."""


def weighted_rows(
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
