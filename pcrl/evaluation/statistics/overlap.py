"""Dice and HD95 of a class in a case, and Dice over all cases."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Overlap:
    """How a predicted mask and a true one overlap.

    Args:
        dice: 1 if both are empty, 0 if one is.
        hd95: 95th percentile of the surface distances in mm; 0 if both are empty, none if one is.
        common, total: voxels in both masks, and voxels of both added up; for Dice over all cases.
    """

    dice: float
    hd95: float | None
    common: int
    total: int


def compare(
    prediction: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    missing_distance: float | None = None,
) -> Overlap:
    """Compare two masks (z, y, x) on a grid with `spacing` in mm.

    Args:
        missing_distance: HD95 where one of the masks is empty (BraTS: 373.13 mm, the diagonal of its volumes).
    """
    common, total = _counts(prediction, truth)
    if total == 0:
        return Overlap(1.0, 0.0, 0, 0)
    distance = _hd95(prediction, truth, spacing)
    return Overlap(2 * common / total, missing_distance if distance is None else distance, common, total)


def dice(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice of two masks; 1 if both are empty."""
    common, total = _counts(prediction, truth)
    return 2 * common / total if total else 1.0


def global_dice(common: NDArray[np.int64], total: NDArray[np.int64]) -> float:
    """Dice of all voxels of all cases together, from what `Overlap` holds of each, (cases,)."""
    return float(2 * common.sum() / total.sum()) if total.sum() else 1.0


def _counts(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[int, int]:
    common = int(np.count_nonzero(prediction & truth))
    return common, int(np.count_nonzero(prediction)) + int(np.count_nonzero(truth))


def _hd95(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> float | None:
    if not prediction.any() or not truth.any():
        return None
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    # Only where there is something: surfaces far from the border of the box stay as they are.
    where = np.argwhere(prediction | truth)
    low, high = np.maximum(where.min(axis=0) - 2, 0), where.max(axis=0) + 3
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    ours, true = (torch.from_numpy(mask[box].copy())[None, None].float() for mask in (prediction, truth))
    with warnings.catch_warnings():
        # MONAI warns of an argument that it gives to itself.
        warnings.filterwarnings("ignore", "monai.metrics.utils get_mask_edges", FutureWarning)
        distance = compute_hausdorff_distance(
            ours, true, include_background=True, percentile=95, spacing=list(spacing)
        )
    return float(distance)
