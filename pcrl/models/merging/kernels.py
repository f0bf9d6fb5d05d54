"""Kernels of merged layers, from the weights of the two layers that they stand for."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from pcrl.models.merging import matrices
from pcrl.models.precision import float32


class Kernels(NamedTuple):
    """What a merged layer computes with.

    Args:
        weight: (2^dims · C, inputs, 2, …), parities before channels, channels last.
        bias: (1, C, 3, …), for the first, inner and last voxels of each axis; none without biases.
    """

    weight: Tensor
    bias: Tensor | None


class TransposedThenConv(nn.Module):
    """Kernels of ConvTranspose3d(2, stride 2) followed by Conv3d(3, padding 1), both with a bias."""

    windows: ClassVar[float] = 2.5
    """How many windows a coarse voxel may have, on average, for one convolution to be faster. An axis has one more than
    voxels, so that maps of 2×2×2 have 3.4. On a CPU 2×2×2 gains nothing, 4×4×4 a factor of 2."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_values: Tensor
        self.up_values: Tensor
        self.coefficients: Tensor
        self.met: Tensor
        for make in (matrices.conv_values, matrices.up_values, matrices.coefficients, matrices.met):
            self.register_buffer(make.__name__, make(3), persistent=False)

    def forward(self, up: nn.ConvTranspose3d, conv: nn.Conv3d) -> Kernels:
        """Kernels in the precision of the weights."""
        w, v = conv.weight.flatten(2), up.weight.flatten(2)  # (C, middle, 27), (inputs, middle, 8)
        outputs, inputs = w.shape[0], v.shape[0]
        assert up.bias is not None
        assert conv.bias is not None
        with float32(w.device):
            at_conv = self.conv_values @ w.transpose(1, 2)  # (C, 64, middle)
            at_up = self.up_values @ v.transpose(1, 2)  # (inputs, 64, middle)
            products = at_conv.transpose(0, 1) @ at_up.permute(1, 2, 0)  # (64, C, inputs)
            rows = (self.coefficients @ products.flatten(1)).view(64, outputs, inputs)
            # The bias of `up` meets the zero padding of `conv`, so that it differs at the faces.
            through = w.transpose(1, 2) @ up.bias  # (C, 27)
            bias = through @ self.met.T + conv.bias[:, None]
        return Kernels(_kernel(rows.transpose(0, 1), 3), bias.view(1, outputs, 3, 3, 3))


class NearestThenConv(nn.Module):
    """Kernels of nearest-neighbour doubling followed by Conv2d(3, padding 1, no bias)."""

    windows: ClassVar[float] = 1.6
    """See `TransposedThenConv`. On a CPU 3×3 gains nothing, 4×4 a third."""

    def __init__(self) -> None:
        super().__init__()
        self.nearest: Tensor
        self.register_buffer("nearest", matrices.nearest(2), persistent=False)

    def forward(self, up: nn.Upsample, conv: nn.Conv2d) -> Kernels:
        """Kernels in the precision of the weights."""
        assert conv.bias is None
        w = conv.weight.flatten(2)
        with float32(w.device):
            return Kernels(_kernel(self.nearest @ w.transpose(1, 2), 2), None)


def _kernel(rows: Tensor, dims: int) -> Tensor:
    """(C, 2^dims parities · 2^dims taps, inputs) to (2^dims · C, inputs, 2, …), channels last."""
    outputs, _, inputs = rows.shape
    parities_first = rows.unflatten(1, (2**dims, 2**dims)).transpose(0, 1)
    return torch.movedim(parities_first.reshape(2**dims * outputs, *(2,) * dims, inputs), -1, 1)
