"""Area under the ROC curve: the chance that a positive scores higher than a negative, ties counting half."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.floating[Any]]
Truth = NDArray[np.floating[Any]]


def auroc(scores: Scores, truth: NDArray[np.bool_]) -> float | None:
    """AUROC of scores (n,) against truth (n,); None without positives or without negatives."""
    positives = int(np.count_nonzero(truth))
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    ranks = rankdata(scores)
    wins = float(ranks[truth].sum()) - positives * (positives + 1) / 2
    return wins / (positives * negatives)


def auroc_per_label(scores: Scores, truth: Truth) -> list[float | None]:
    """AUROC of each label.

    Args:
        scores: (n, labels).
        truth: (n, labels), 1, 0, or NaN where an image does not count for a label.
    """
    result = []
    for column in range(truth.shape[1]):
        known = ~np.isnan(truth[:, column])
        result.append(auroc(scores[known, column], truth[known, column] > 0.5))
    return result


def mean_of(values: list[float | None]) -> float | None:
    """Mean of those that are defined; None if none is."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def roc_curve(scores: Scores, truth: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates, from (0, 0) to (1, 1), with one point for each distinct score.

    Raises:
        ValueError: no positives, or no negatives.
    """
    if truth.all() or not truth.any():
        raise ValueError("a ROC curve needs positives and negatives")
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    true = np.cumsum(truth[order])[last] / np.count_nonzero(truth)
    false = np.cumsum(~truth[order])[last] / np.count_nonzero(~truth)
    return np.r_[0.0, false], np.r_[0.0, true]
