"""Predictions for whole volumes, on the grid on which the label was drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pcrl.config import FineTuning, Size
from pcrl.engine.geometry.grid import Grid
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.kernels.pixels.resample import linear_taps, resample, together
from pcrl.models.precision import autocast

WINDOWS = 4
"""Windows that the network sees at a time."""


@dataclass(frozen=True, slots=True)
class SegmentationSetup:
    """What is segmented, with which settings and patches.

    Args:
        patch: what the network is shown, voxels of the cache (z, y, x).
        rules: how overlaps are scored.
    """

    target: Target
    settings: FineTuning
    patch: Size
    rules: Rules


@torch.no_grad()
def probabilities(
    model: nn.Module,
    image: NDArray[np.float32],
    air: Sequence[float],
    setup: SegmentationSetup,
    device: torch.device,
) -> NDArray[np.float32]:
    """Probabilities of a whole volume, by sliding windows with Gaussian weights.

    Args:
        image: (channel, z, y, x).
        air: of each channel; a volume smaller than a patch lies in the middle of it, as it lies in some of training.

    Returns:
        (outputs, z, y, x) float32.
    """
    from monai.inferers.utils import sliding_window_inference

    model.eval()
    patch, overlap = setup.patch, setup.settings.overlap
    size = image.shape[1:]
    before = [max(0, edge - n) // 2 for edge, n in zip(patch, size, strict=True)]
    pads = [(b, max(0, edge - n) - b) for b, edge, n in zip(before, patch, size, strict=True)]
    if any(map(any, pads)):
        image = np.stack([np.pad(one, pads, constant_values=v) for one, v in zip(image, air, strict=True)])
    with autocast(device):
        scores = sliding_window_inference(
            torch.from_numpy(image)[None].to(device), patch, WINDOWS, model, overlap=overlap, mode="gaussian"
        )
    assert isinstance(scores, Tensor)
    inside = tuple(slice(b, b + n) for b, n in zip(before, size, strict=True))
    cut = scores[0].float()[(slice(None), *inside)]
    result: NDArray[np.float32] = setup.target.probabilities(cut).cpu().numpy()
    return result


def each_onto(values: NDArray[np.float32], grid: Grid, target: Grid) -> Iterator[NDArray[np.float32]]:
    """Probabilities (outputs, z, y, x) on another grid with the same axes, one output at a time."""
    return (onto(one, grid, target) for one in values)


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
