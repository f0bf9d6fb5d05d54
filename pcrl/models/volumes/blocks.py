"""The pieces that networks are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pcrl.models.recompute import run

_ALIGNED = 8
"""Channels of bfloat16 that kernels for matrix units read at once."""


class AlignedConv3d(nn.Conv3d):
    """Conv3d that leaves the size, and may have one channel: (batch, inputs, z, y, x) to (batch, outputs, z, y, x).

    The strides of one channel do not tell whether channels come first or last. A compiler guesses, wrongly, and has the
    tensor of many channels on the other side, or its gradient, copied up to three times. So a compiled convolution has
    more channels on a side of one, with weights of zero.
    """

    def __init__(self, inputs: int, outputs: int, edge: int) -> None:
        super().__init__(inputs, outputs, edge, padding=edge // 2)
        self.aligned = True

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        if not (
            self.aligned and torch.compiler.is_compiling() and 1 in (self.in_channels, self.out_channels)
        ):
            return super().forward(x)
        inputs, outputs = (_ALIGNED - 1 if n == 1 else 0 for n in (self.in_channels, self.out_channels))
        weight = functional.pad(self.weight, (*(0, 0) * 3, 0, inputs, 0, outputs))
        # Filled up and cut where channels are the last axis, so that all, and all gradients, are channels last.
        wide = functional.pad(x.movedim(1, -1), (0, inputs)).movedim(-1, 1)
        y = functional.conv3d(wide, weight, padding=self.padding)
        found = y.movedim(1, -1)[..., : self.out_channels].movedim(-1, 1)
        assert self.bias is not None
        return found + self.bias.to(y.dtype)[:, None, None, None]


class ConvUnit(nn.Module):
    """Conv3d(3, padding 1), BatchNorm, ReLU: (batch, inputs, z, y, x) to (batch, outputs, z, y, x)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = AlignedConv3d(inputs, outputs, 3)
        self.norm = nn.BatchNorm3d(outputs)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        return self.activate(self.conv(x))

    def activate(self, convolved: Tensor) -> Tensor:
        """What comes after the convolution."""
        out: Tensor = self.act(self.norm(convolved))
        return out


class ConvPair(nn.Module):
    """Two `ConvUnit`s: inputs → middle → outputs channels."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.first = ConvUnit(inputs, middle)
        self.second = ConvUnit(middle, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply both."""
        return self.after(self.first.conv(x))

    def after(self, convolved: Tensor) -> Tensor:
        """What comes after the first convolution."""
        out: Tensor = self.second(self.first.activate(convolved))
        return out


class Encoder3D(nn.Module):
    """The U-Net's way down: a `ConvPair` a level, halving every axis in between.

    Args:
        width: channels of the finest level; each level down doubles them. Published: 64, 4 levels.
    """

    def __init__(self, width: int = 64, levels: int = 4, in_channels: int = 1) -> None:
        super().__init__()
        self.channels = [width * 2**depth for depth in range(levels)]
        inputs = [in_channels, *self.channels]
        self.levels = nn.ModuleList(
            ConvPair(inputs[depth], self.channels[depth] // 2, self.channels[depth])
            for depth in range(levels)
        )
        self.pool = nn.MaxPool3d(2)

    def forward(self, x: Tensor, recompute: bool = False) -> list[Tensor]:
        """Feature maps of every level, finest first; level d is (batch, width·2^d, size / 2^d).

        Args:
            recompute: keep only these maps for the backward, see `pcrl.models.recompute`.
        """
        maps = []
        for depth, level in enumerate(self.levels):
            x = run(self._down, depth, x, norms=level, recompute=recompute)
            maps.append(x)
        return maps

    def _down(self, depth: int, x: Tensor) -> Tensor:
        found: Tensor = self.levels[depth](x if depth == 0 else self.pool(x))
        return found
