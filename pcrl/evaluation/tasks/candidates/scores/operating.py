"""The operating point: sensitivity, and false positives a scan, at a threshold that validation scans choose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Metric, Row
from pcrl.evaluation.statistics.called import rates_called
from pcrl.evaluation.statistics.inference.comparisons import row_of
from pcrl.evaluation.statistics.inference.jackknife import pseudo_values
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.tasks.candidates.detections import detections
from pcrl.evaluation.tasks.candidates.scores.summary import LABEL, SIDES, CandidateScores, sides_of

SENSITIVITY, FALSE = "operating_sensitivity", "operating_false_positives"
_CHOSEN = "at the lowest threshold with at most one false positive a scan on validation scans"
METRICS = (
    Metric(
        name=SENSITIVITY, title="Sensitivity at the operating point", within=(0, 1), detail=True,
        definition=f"Share of the nodules that are found {_CHOSEN}.",
    ),
    Metric(
        name=FALSE, title="False positives a scan at the operating point", better="lower", detail=True,
        definition=f"How many candidates of a scan are called a nodule and hit none, {_CHOSEN}.",
    ),
)  # fmt: skip


def operating_rows(runs: Mapping[int, CandidateScores]) -> list[Row]:
    """Means over seeds, each at its own thresholds, with intervals; undefined where a seed has none."""
    first = next(iter(runs.values()))
    patients = len(set(first.patients))
    counts = {
        SENSITIVITY: {"nodules": len(first.detections().nodule_scores)},
        FALSE: {"scans": len(first.scans)},
    }
    both = [_rates(one) for one in runs.values()]
    whole = np.array([of_all for of_all, _ in both])
    values = np.array([pseudo_values(*pair) for pair in both])
    rows = []
    for column, (metric, limits, sides) in enumerate(
        ((SENSITIVITY, (0.0, 1.0), np.array([sides_of(first)])), (FALSE, (0.0, np.inf), None))
    ):
        chosen = slice(column, column + 1)
        known = SharedScores(whole[:, chosen], values[:, :, chosen], sides, SIDES).score(0, limits)
        rows.append(row_of((LABEL, metric), known, tuple(runs), patients, counts[metric]))
    return rows


def _rates(one: CandidateScores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both, and both without each patient; NaN without a threshold."""
    if one.called is None:
        return np.full(2, np.nan), np.full((len(set(one.patients)), 2), np.nan)
    found = detections(one.called.astype(np.float64), one.rows, one.candidates, one.nodules, one.scans)
    return rates_called(found, one.patients)
