"""Precision against recall, per image and per study."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Row
from pcrl.evaluation.statistics.probabilities.precision_recall import weighted_precisions
from pcrl.evaluation.tasks.classification.details.rows import weighted_rows
from pcrl.evaluation.tasks.classification.summary import UNITS, Scores, Tables

PRECISION = {"images": "auprc", "studies": "auprc_study"}


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
        rows += weighted_rows(
            PRECISION[unit], of_seeds, truth, owners, tables.scored, ("positives", "negatives")
        )
    return rows


def _precisions(
    scores: Scores, truth: Scores, owners: NDArray[np.int64], label: int, weights: Scores
) -> NDArray[np.float64]:
    return weighted_precisions(scores[:, label], truth[:, label], owners, weights)
