"""Dice, HD95 and normalised surface Dice of a class in a case, and what they are where there is nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pcrl.evaluation.statistics.masks.surfaces import Mask, Spacing, hd95, nsd


@dataclass(frozen=True, slots=True)
class Rules:
    """How far surfaces may lie apart, and what counts where a mask is empty.

    Args:
        tolerance: mm, of the normalised surface Dice. 3 mm is that of TotalSegmentator (Wasserthal et al. 2023).
        missing_distance: HD95 in mm where one of truth and prediction is empty; none: the diagonal of the scan.
        absent_is_right: with both empty Dice and NSD are 1 and HD95 is 0, as in BraTS; otherwise they are undefined.
    """

    tolerance: float = 3.0
    missing_distance: float | None = None
    absent_is_right: bool = False


@dataclass(frozen=True, slots=True)
class Overlap:
    """How a predicted mask and a true one agree.

    Args:
        dice, nsd: none if both are empty, 0 if one is.
        hd95: mm; none if both are empty, the worst distance if one is. `Rules` may say otherwise.
        common, total: voxels in both masks, and voxels of both added up; for Dice over all cases.
        true: voxels of the truth.
    """

    dice: float | None
    hd95: float | None
    nsd: float | None
    common: int
    total: int
    true: int


def compare(prediction: Mask, truth: Mask, spacing: Spacing, rules: Rules | None = None) -> Overlap:
    """Compare two masks (z, y, x) on a grid with `spacing` in mm."""
    rules = rules or Rules()
    common, true = int(np.count_nonzero(prediction & truth)), int(np.count_nonzero(truth))
    total = int(np.count_nonzero(prediction)) + true
    if total == 0:
        return (
            Overlap(1.0, 0.0, 1.0, 0, 0, 0) if rules.absent_is_right else Overlap(None, None, None, 0, 0, 0)
        )
    if true in {0, total}:
        worst = diagonal(truth.shape, spacing) if rules.missing_distance is None else rules.missing_distance
        return Overlap(0.0, worst, 0.0, 0, total, true)
    return Overlap(
        2 * common / total,
        hd95(prediction, truth, spacing),
        nsd(prediction, truth, spacing, rules.tolerance),
        common,
        total,
        true,
    )


def diagonal(shape: tuple[int, ...], spacing: Spacing) -> float:
    """From corner to corner of a scan, in mm: no two surfaces in it lie farther apart."""
    return math.hypot(*(n * mm for n, mm in zip(shape, spacing, strict=True)))


def dice(prediction: Mask, truth: Mask, rules: Rules) -> float | None:
    """Dice of two masks alone, as `compare` gives it."""
    total = int(np.count_nonzero(prediction)) + int(np.count_nonzero(truth))
    if not total:
        return 1.0 if rules.absent_is_right else None
    return 2 * int(np.count_nonzero(prediction & truth)) / total
