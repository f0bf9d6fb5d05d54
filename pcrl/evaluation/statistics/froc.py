"""FROC: sensitivity for nodules against false positives per scan.

As in LUNA16's evaluation (noduleCADEvaluationLUNA16.py): of the candidates that hit a nodule the best counts, the
others neither for nor against; candidates that hit nothing but an excluded annotation do not count; a nodule that no
candidate hits is missed at any threshold. The CPM is the mean sensitivity at seven rates of false positives, between
which the curve is interpolated linearly.

MONAI's `compute_froc_curve_data` gives the same curve where a nodule is missed; else it leaves out the last point, at
which every candidate is accepted. It compares all candidates with each threshold, too slow for leaving out
patient after patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
"""False positives a scan at which sensitivities are averaged (LUNA16)."""
RATES_IN_WORDS = ("1/8", "1/4", "1/2", "1", "2", "4", "8")
_CELLS = 1 << 22
"""Candidates times patients that are counted together: 32 MB for each table of them."""


@dataclass(frozen=True, slots=True)
class Detections:
    """What counts of scored candidates.

    Args:
        scans: how many, those without candidates included.
        false_scores: (f,) float64, of candidates that hit nothing.
        false_scans: (f,) int64, which scan each is in, from 0 on.
        nodule_scores: (k,) float64, the best score of each nodule, −∞ for those that no candidate hits.
        nodule_scans: (k,) int64.
    """

    scans: int
    false_scores: NDArray[np.float64]
    false_scans: NDArray[np.int64]
    nodule_scores: NDArray[np.float64]
    nodule_scans: NDArray[np.int64]


def froc_curve(detections: Detections) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False positives a scan, and sensitivity: (0, 0) and then one point for each distinct score, falling.

    Raises:
        ValueError: no scans or no nodules.
    """
    if not detections.scans or not len(detections.nodule_scores):
        raise ValueError(
            f"a FROC curve needs nodules; found {len(detections.nodule_scores)} in {detections.scans} scans"
        )
    counted = _Counted(detections)
    false, true = counted.curves(np.ones((1, detections.scans)))
    return false[0], true[0]


def sensitivities(detections: Detections) -> NDArray[np.float64]:
    """Sensitivity at each of `RATES`; raises as `froc_curve`. Beyond the last point it is that of the last point."""
    return np.interp(RATES, *froc_curve(detections))


def cpm(detections: Detections) -> float:
    """Mean of the sensitivities at `RATES` (competition performance metric); raises as `froc_curve`."""
    return float(sensitivities(detections).mean())


def deleted_sensitivities(detections: Detections, patients: Sequence[str]) -> NDArray[np.float64]:
    """Sensitivities at `RATES` without each patient, (patients, rates), patients in the order of their names.

    NaN where no nodule is left.

    Args:
        patients: whose each scan is; with a patient all scans are left out.

    Raises:
        ValueError: there is not one patient for each scan.
    """
    if len(patients) != detections.scans:
        raise ValueError(
            f"{detections.scans} scans, but {len(patients)} patients: expected one for each scan"
        )
    names, patient_index = np.unique(np.asarray(patients), return_inverse=True)
    counted = _Counted(detections)
    block = max(1, _CELLS // max(1, counted.size))
    result = np.full((len(names), len(RATES)), np.nan)
    for start in range(0, len(names), block):
        without = np.arange(start, min(start + block, len(names)))
        kept = (patient_index[None, :] != without[:, None]).astype(np.float64)
        curves = zip(*counted.curves(kept), strict=True)
        for row, (false, true) in enumerate(curves, start):
            result[row] = np.interp(RATES, false, true)
    return result


class _Counted:
    """Detections in the order of falling scores, so that no choice of patients needs sorting."""

    def __init__(self, detections: Detections) -> None:
        seen = np.isfinite(detections.nodule_scores)
        scores = np.r_[detections.false_scores, detections.nodule_scores[seen]]
        order = np.argsort(-scores, kind="stable")
        self.size = len(order)
        self.scan = np.r_[detections.false_scans, detections.nodule_scans[seen]][order]
        self.false = (np.arange(self.size) < len(detections.false_scores))[order]
        # Last of each run of equal scores.
        self.last = np.flatnonzero(np.r_[np.diff(scores[order]) != 0, True][: self.size])
        self.nodules = np.bincount(detections.nodule_scans, minlength=detections.scans)

    def curves(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False positives a scan and sensitivity, each (choices, 1 + distinct scores); NaN without nodules.

        Args:
            weights: (choices, scans), how often each scan counts.
        """
        counts = weights[:, self.scan]
        total, nodules = weights.sum(axis=1, keepdims=True), weights @ self.nodules[:, None]
        everything = np.cumsum(counts, axis=1)[:, self.last]
        counts[:, ~self.false] = 0
        false = np.cumsum(counts, axis=1, out=counts)[:, self.last]
        true = np.divide(everything - false, nodules, out=np.full_like(false, np.nan), where=nodules > 0)
        start = np.zeros((len(weights), 1))
        false = np.divide(false, total, out=np.full_like(false, np.nan), where=total > 0)
        return np.hstack([start, false]), np.hstack([start, true])
