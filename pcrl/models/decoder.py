"""The way up of an nsUNet, in two dimensions as in three: levels with their heads, and running through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pcrl.models.upsampling import upsampled


class DecoderLevel(nn.Module):
    """One step up: double every axis, two convolutions, and the three heads of this level.

    Args:
        up: (batch, inputs, *size) to (batch, inputs, *2·size).
        pair: to (batch, C, *2·size).
        projection: from the average over all positions, (batch, C), to z, (batch, C).
        prediction: from z to p, (batch, C).
        restoration: from the features of this level to an image of the same size; applied by `decode`.
    """

    def __init__(
        self,
        up: nn.Module,
        pair: nn.Module,
        projection: nn.Module,
        prediction: nn.Module,
        restoration: nn.Module,
    ) -> None:
        super().__init__()
        self.up = up
        self.pair = pair
        self.projection = projection
        self.prediction = prediction
        self.restoration = restoration

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (batch, C, …), projection z (batch, C) and prediction p (batch, C)."""
        features = self.pair(self.up(x))
        z = self.projection(_average(features))
        return features, z, self.prediction(z)


class Decoded(NamedTuple):
    """What the levels give: the features of the finest, and the rest as in `Outputs`."""

    features: Tensor
    projections: list[Tensor]
    predictions: list[Tensor]
    mids: dict[int, Tensor]


def require_divisible(size: Sequence[int], levels: int) -> None:
    """Check that an image of `size` comes out of `levels` halvings and doublings as large as it went in.

    Raises:
        ValueError: an axis is not divisible by 2^levels.
    """
    if any(edge % 2**levels for edge in size):
        raise ValueError(f"every axis of {tuple(size)} must be divisible by {2**levels}")


def decode(levels: nn.ModuleList, features: Tensor, size: Sequence[int], restore: Sequence[int]) -> Decoded:
    """Run features (batch, channels, …) of the deepest encoder level up through `levels`, coarsest first.

    Args:
        size: of the input, to which restorations are upsampled (linearly, corners not aligned).
        restore: levels whose restoration is wanted.
    """
    projections, predictions, mids = [], [], {}
    for number, level in enumerate(levels):
        assert isinstance(level, DecoderLevel)
        features, z, p = level(features)
        projections.append(z)
        predictions.append(p)
        # In training every head runs: the published code's running statistics see all views at all levels.
        if levels.training or number in restore:
            mid = level.restoration(features)
            if number in restore:
                mids[number] = upsampled(mid, size)
    return Decoded(features, projections, predictions, mids)


def _average(features: Tensor) -> Tensor:
    """Over all positions, in float32 at least: BatchNorm takes differences of these, which bfloat16 would not know."""
    positions = features.shape[2:].numel()
    precision = torch.promote_types(features.dtype, torch.float32)
    return features.sum(dim=tuple(range(2, features.ndim)), dtype=precision) / positions
