"""Distances between the surfaces of two masks: HD95 and normalised surface Dice, both by MONAI.

HD95 is the larger of two directed percentiles (Metrics Reloaded, Nature Methods 2024): of the distances from the
prediction's surface to that of the truth, and of those back. Its surface are the voxels of a mask that have a face
without it; distances are those of voxel centres, each counted once.

NSD is the share of both surfaces that lies within a tolerance of the other one, by area (Nikolov et al. 2021, and their
`surface-distance`): surface elements lie at the corners between voxels, each with the area that spacing gives it.
MONAI without `use_subvoxels` would count voxels instead, which on anisotropic grids is another number.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PERCENTILE = 95
_ROOM = 1e-5
"""Relative, added to a tolerance: distances are float32, and 10 · 0.7 mm lies within 7 mm."""
Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]


def hd95(prediction: Mask, truth: Mask, spacing: Spacing) -> float:
    """95th percentile of the surface distances in mm, of two masks (z, y, x) that both hold something."""
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    ours, true = _tensors(prediction, truth)
    with _quiet():
        distance = compute_hausdorff_distance(
            ours, true, include_background=True, percentile=PERCENTILE, spacing=list(spacing)
        )
    return float(distance)


def nsd(prediction: Mask, truth: Mask, spacing: Spacing, tolerance: float) -> float:
    """Normalised surface Dice of two masks (z, y, x) that both hold something.

    Args:
        tolerance: mm; what lies so far apart or nearer agrees.
    """
    from monai.metrics.surface_dice import compute_surface_dice

    ours, true = _tensors(prediction, truth)
    with _quiet():
        share = compute_surface_dice(
            ours, true, [tolerance * (1 + _ROOM)], include_background=True, spacing=list(spacing), use_subvoxels=True
        )  # fmt: skip
    return float(share)


def _tensors(prediction: Mask, truth: Mask) -> tuple[Tensor, Tensor]:
    """What holds one of them, with a margin: a mask that reaches the border of its volume has a surface there."""
    where = np.argwhere(prediction | truth)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    ours, true = (torch.from_numpy(np.pad(mask[box], 2))[None, None].float() for mask in (prediction, truth))
    return ours, true


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # MONAI warns of an argument that it gives to itself.
        warnings.filterwarnings("ignore", "monai.metrics.utils get_mask_edges", FutureWarning)
        yield
