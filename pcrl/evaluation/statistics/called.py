"""Nodules that are found, and false positives, at a threshold that other patients choose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.froc import Detections

RATE = 1.0
"""False positives a scan that validation scans may have."""


def threshold_at(detections: Detections, rate: float = RATE) -> float | None:
    """The lowest threshold with at most `rate` false positives a scan: what scores as high or higher is called.

    It lies in the middle between the highest false candidate that is refused and what scores next above it; 0 where
    no candidate has to be refused. None without scans.

    Args:
        detections: of validation scans; scores are probabilities.
    """
    if not detections.scans:
        return None
    false, allowed = np.sort(detections.false_scores)[::-1], int(rate * detections.scans)
    if len(false) <= allowed:
        return 0.0
    refused = float(false[allowed])
    scores = np.r_[false, detections.nodule_scores]
    above = scores[scores > refused]
    return (refused + float(above.min())) / 2 if len(above) else float(np.nextafter(refused, np.inf))


def rates_called(
    called: Detections, patients: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sensitivity and false positives a scan, (2,), and both without each patient, (patients, 2).

    Patients are in the order of their names; a sensitivity without nodules is NaN.

    Args:
        called: scores are 1 for what is called a nodule, 0 for what is not; a nodule that nothing hits has −∞.
        patients: whose each scan is.
    """
    names, owner = np.unique(np.asarray(patients), return_inverse=True)

    def each(scans: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(owner[scans], minlength=len(names)).astype(np.float64)

    found, false = called.nodule_scores > 0.5, called.false_scores > 0.5
    over = np.stack([each(called.nodule_scans[found]), each(called.false_scans[false])], axis=1)
    under = np.stack([each(called.nodule_scans), each(np.arange(called.scans))], axis=1)
    return _ratio(over.sum(axis=0), under.sum(axis=0)), _ratio(
        over.sum(axis=0) - over, under.sum(axis=0) - under
    )


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)
