"""Area under the curve of precision against recall, as average precision: no interpolation between its points.

Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, as scikit-learn's `average_precision_score`; trapezoids would be too
optimistic (Davis and Goadrich 2006). Guessing comes to the share of positives, which a reader needs beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.roc import Scores, Truth, scored

_CELLS = 1 << 22
"""Weights times images that are counted together: 32 MB for each table of them."""


def average_precision(scores: Scores, truth: Truth) -> float | None:
    """Of one label; None without positives or without negatives, as AUROC.

    Args:
        scores: (n,).
        truth: (n,), 1, 0, or NaN where an image does not count.

    Raises:
        ValueError: as `scored`.
    """
    area = float(weighted_precisions(scores, truth, np.zeros(len(scores), np.int64), np.ones((1, 1)))[0])
    return None if np.isnan(area) else area


def weighted_precisions(
    scores: Scores, truth: Truth, patient_of: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The same with each image counted as often as its patient: (w, patients) weights to (w,), NaN where undefined.

    Args:
        patient_of: (n,), number of each image's patient.

    Raises:
        ValueError: as `scored`.
    """
    known = np.flatnonzero(scored(scores, truth))
    order = known[np.argsort(-scores[known], kind="stable")]
    areas = np.full(len(weights), np.nan)
    if not len(order):
        return areas
    positive, owners = truth[order] > 0.5, patient_of[order]
    if positive.all() or not positive.any():
        return areas
    # Last image of each run of equal scores that has a positive: a threshold takes all of them or none, and only
    # where a threshold takes a positive is anything added.
    run = np.r_[0, np.cumsum(np.diff(scores[order]) != 0)]
    with_positive, first = np.unique(run[positive], return_index=True)
    after = np.searchsorted(run, with_positive, side="right")
    starts = np.r_[0, after[after < len(order)]]
    block = max(1, _CELLS // len(order))
    for begin in range(0, len(weights), block):
        part = weights[begin : begin + block]
        accepted = np.add.reduceat(part[:, owners], starts, axis=1).cumsum(axis=1)
        positives = np.add.reduceat(part[:, owners[positive]], first, axis=1)
        found, total = positives.cumsum(axis=1), positives.sum(axis=1)
        taken = accepted[:, : len(after)]
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        both = (total > 0) & (accepted[:, -1] - total > 0)
        np.divide((positives * precision).sum(axis=1), total, out=areas[begin : begin + block], where=both)
    return areas
