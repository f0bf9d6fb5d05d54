"""Sensitivity and specificity at thresholds that validation images choose."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Row
from pcrl.evaluation.statistics.probabilities.operating_point import rates_at, youden_threshold
from pcrl.evaluation.tasks.classification.details.rows import weighted_rows
from pcrl.evaluation.tasks.classification.summary import Scores, Tables

SIDES = {"sensitivity": "positives", "specificity": "negatives"}
Thresholds = Mapping[int, NDArray[np.float64]]
"""Seed → threshold of each scored label, NaN where validation images choose none."""


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
        rows += weighted_rows(name, of_seeds, truth, owners, tables.scored, (counted,))
    return rows


def _rates(
    scores: Scores, truth: Scores, owners: NDArray[np.int64], thresholds: Scores, side: int, label: int, weights: Scores
) -> NDArray[np.float64]:  # fmt: skip
    threshold = float(thresholds[label])
    if np.isnan(threshold):
        return np.full(len(weights), np.nan)
    return rates_at(scores[:, label], truth[:, label], threshold, owners, weights)[:, side]
