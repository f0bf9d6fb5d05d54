"""Predictions for whole volumes, on the grid on which the label was drawn."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pcrl.config import Size
from pcrl.engine.cache.cache import CachedCase
from pcrl.engine.grid import Grid
from pcrl.kernels.resample import linear_taps, resample, together


@torch.no_grad()
def probabilities(
    model: nn.Module, image: NDArray[np.float32], patch: Size, overlap: float, device: torch.device
) -> NDArray[np.float32]:
    """Class probabilities of a whole volume, by sliding windows with Gaussian weights.

    Args:
        image: (channel, z, y, x).

    Returns:
        (classes, z, y, x) float32.
    """
    from monai.inferers.utils import sliding_window_inference

    model.eval()
    scores = sliding_window_inference(
        torch.from_numpy(image)[None].to(device), patch, 4, model, overlap=overlap, mode="gaussian"
    )
    assert isinstance(scores, Tensor)
    result: NDArray[np.float32] = scores[0].softmax(dim=0).float().cpu().numpy()
    return result


def to_original(values: NDArray[np.float32], case: CachedCase) -> NDArray[np.uint8]:
    """The most probable class at each voxel of the label's own grid: probabilities are resampled, then compared."""
    target = case.label_record.grid
    stacked = np.stack([onto(one, case.record.grid, target) for one in values])
    classes: NDArray[np.uint8] = stacked.argmax(axis=0).astype(np.uint8)
    return classes


def onto(values: NDArray[np.float32], grid: Grid, target: Grid) -> NDArray[np.float32]:
    """Linear interpolation of (z, y, x) float32 from one grid onto another with the same axes."""
    offset = grid.indices(target.points(np.zeros((1, 3))))[0]
    taps = [
        linear_taps(
            grid.shape[axis], float(offset[axis]), target.spacing[axis] / grid.spacing[axis],
            target.shape[axis], widen=False,
        )
        for axis in range(3)
    ]  # fmt: skip
    return resample(values, together(*taps))
