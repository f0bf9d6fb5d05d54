"""Area under the ROC curve: the chance that a positive scores higher than a negative, ties counting half."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.floating[Any]]
Truth = NDArray[np.floating[Any]]


def scored(scores: Scores, truth: Truth) -> NDArray[np.bool_]:
    """Which images count for a label, (n,).

    Args:
        scores: (n,).
        truth: (n,), 1, 0, or NaN where an image does not count.

    Raises:
        ValueError: a score is NaN, which would sort above all others; or truth is anything else, such as -1.
    """
    if missing := int(np.count_nonzero(np.isnan(scores))):
        raise ValueError(f"{missing} of {len(scores)} scores are NaN, which cannot be ranked")
    known = ~np.isnan(truth)
    if other := sorted({float(value) for value in np.unique(truth[known])} - {0.0, 1.0}):
        raise ValueError(f"truth is {other[0]:g}, expected 1, 0 or NaN: let `uncertain.targets` make it")
    return known


def auroc(scores: Scores, truth: NDArray[np.bool_]) -> float | None:
    """AUROC of scores (n,) against truth (n,); None without positives or without negatives.

    Raises:
        ValueError: a score is NaN.
    """
    scored(scores, truth.astype(np.float64))
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

    Raises:
        ValueError: as `scored`.
    """
    result = []
    for column in range(truth.shape[1]):
        known = scored(scores[:, column], truth[:, column])
        result.append(auroc(scores[known, column], truth[known, column] > 0.5))
    return result


def mean_of(values: list[float | None]) -> float | None:
    """Mean of those that are defined; None if none is."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def roc_curve(scores: Scores, truth: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates, (0, 0) and then one point for each distinct score.

    Raises:
        ValueError: no positives, no negatives, or a score is NaN.
    """
    scored(scores, truth.astype(np.float64))
    if truth.all() or not truth.any():
        raise ValueError("a ROC curve needs positives and negatives")
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    true = np.cumsum(truth[order])[last] / np.count_nonzero(truth)
    false = np.cumsum(~truth[order])[last] / np.count_nonzero(~truth)
    return np.r_[0.0, false], np.r_[0.0, true]


def thinned(
    x: NDArray[np.float64], y: NDArray[np.float64], points: int = 200
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A curve with no more than about so many points, its ends among them: what a drawing shows."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(points, len(x))).round().astype(np.int64))
    return tuple(x[chosen].tolist()), tuple(y[chosen].tolist())


def roc_points(scores: Scores, truth: Truth) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """A ROC curve to draw, false and true positive rates; None without positives or without negatives.

    Args:
        scores: (n,).
        truth: (n,), 1, 0, or NaN where an image does not count.
    """
    known = ~np.isnan(truth)
    positive = truth[known] > 0.5
    if positive.all() or not positive.any():
        return None
    return thinned(*roc_curve(scores[known], positive))
