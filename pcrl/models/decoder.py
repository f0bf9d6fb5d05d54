"""The way up of an nsUNet, in two dimensions as in three: levels with their heads, and running through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pcrl.models.images.blocks import ImageConvPair
from pcrl.models.merging.kernels import Kernels, NearestThenConv, TransposedThenConv
from pcrl.models.merging.merge import Merge, convolve
from pcrl.models.recompute import run
from pcrl.models.upsampling import upsampled
from pcrl.models.volumes.blocks import ConvPair


class DecoderLevel(nn.Module):
    """One step up: double every axis, two convolutions, and the three heads of this level.

    Args:
        up: (batch, inputs, *size) to (batch, inputs, *2·size).
        pair: to (batch, C, *2·size).
        join: makes the kernels by which `up` and the first convolution run as one.
        projection: from the average over all positions, (batch, C), to z, (batch, C).
        prediction: from z to p, (batch, C).
        restoration: from the features of this level to an image of the same size; applied by `decode`.
    """

    def __init__(
        self,
        up: nn.Module,
        pair: ConvPair | ImageConvPair,
        join: TransposedThenConv | NearestThenConv,
        projection: nn.Module,
        prediction: nn.Module,
        restoration: nn.Module,
    ) -> None:
        super().__init__()
        self.up = up
        self.pair = pair
        self.merge = Merge(join)
        self.projection = projection
        self.prediction = prediction
        self.restoration = restoration

    def kernels(self, size: torch.Size) -> Kernels | None:
        """Those of `up` and the first convolution where they run merged on maps of this size, else none."""
        found: Kernels | None = self.merge(self.up, self.pair.first.conv, size)
        return found

    def forward(self, x: Tensor, kernels: Kernels | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Features (batch, C, …), projection z (batch, C) and prediction p (batch, C)."""
        features = self.pair(self.up(x)) if kernels is None else self.pair.after(convolve(x, kernels))
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


def decode(
    levels: nn.ModuleList,
    features: Tensor,
    size: Sequence[int],
    restore: Sequence[int],
    recompute: bool = False,
) -> Decoded:
    """Run features (batch, channels, …) of the deepest encoder level up through `levels`, coarsest first.

    Args:
        size: of the input, to which restorations are upsampled (linearly, corners not aligned).
        restore: levels whose restoration is wanted.
        recompute: keep what comes out of levels for the backward, and compute what is within again.
    """
    projections, predictions, mids = [], [], {}
    for number, level in enumerate(levels):
        assert isinstance(level, DecoderLevel)
        kernels = level.kernels(features.shape[2:])
        features, z, p = run(level, features, kernels, norms=level, recompute=recompute)
        projections.append(z)
        predictions.append(p)
        # In training every head runs: the published code's running statistics see all views at all levels.
        if levels.training or number in restore:
            mid = run(level.restoration, features, norms=level.restoration, recompute=recompute)
            if number in restore:
                mids[number] = upsampled(mid, size)
    return Decoded(features, projections, predictions, mids)


def _average(features: Tensor) -> Tensor:
    """Over all positions, in float32 at least: BatchNorm takes differences of these, which bfloat16 would not know."""
    positions = features.shape[2:].numel()
    precision = torch.promote_types(features.dtype, torch.float32)
    return features.sum(dim=tuple(range(2, features.ndim)), dtype=precision) / positions
