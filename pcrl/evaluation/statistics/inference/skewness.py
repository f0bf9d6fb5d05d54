"""Intervals of means of skewed values, such as Dice with a few failures: Hall's transformation of t (Hall 1992)."""

from __future__ import annotations

import numpy as np

from pcrl.evaluation.statistics.inference.crossed import MeanSquares, Values

_SYMMETRIC = 1e-6
"""Below this skewness the transformation is the identity to all digits that count."""


def skewed_widths(values: Values, alpha: float = 0.05) -> tuple[Values, Values]:
    """How far the 1 − alpha interval of the mean of (…, seeds, patients) reaches down and up, each (…,).

    The reach over patients is that of Student's t after Hall's cubic transformation, which takes the skewness of the
    patients' means out of it; the seeds' part is added as in `MeanSquares.joined`.
    """
    squares = MeanSquares.of(values)
    by_patient = values.mean(axis=-2)
    count = by_patient.shape[-1]
    deviations = by_patient - by_patient.mean(axis=-1, keepdims=True)
    variance = (deviations**2).sum(axis=-1) / (count - 1)
    third = (deviations**3).sum(axis=-1) * count / ((count - 1) * (count - 2))
    skewness = np.divide(third, variance**1.5, out=np.zeros_like(third), where=variance > 0)
    symmetric = squares.of_patients(alpha)
    scale = np.sqrt(variance)
    quantile = np.divide(symmetric, scale, out=np.zeros_like(scale), where=scale > 0)
    down = scale * _untransformed(quantile, skewness, count)
    up = -scale * _untransformed(-quantile, skewness, count)
    return squares.joined(np.maximum(down, 0.0), alpha), squares.joined(np.maximum(up, 0.0), alpha)


def _untransformed(quantile: Values, skewness: Values, count: int) -> Values:
    """Solve w + g·w²/3 + g²·w³/27 + g/(6n) = quantile for w, where g is the skewness."""
    shifted = quantile - skewness / (6 * count)
    third = np.where(np.abs(skewness) < _SYMMETRIC, 1.0, skewness / 3)
    cubic = (np.cbrt(1 + 3 * third * shifted) - 1) / third
    return np.asarray(np.where(np.abs(skewness) < _SYMMETRIC, shifted, cubic), np.float64)
