"""The pieces that networks are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pcrl.models.recompute import run

_ALIGNED = 8
"""Channels of bfloat16 that kernels for matrix units read at once."""


class OneChannelConv3d(nn.Conv3d):
    """Conv3d to one channel, padding as large as leaves the size: (batch, inputs, z, y, x) to (batch, 1, z, y, x).

    The strides of a map of one channel do not tell whether channels come first or last. A compiler guesses, wrongly,
    and has the input, of many channels, copied three times before it is convolved. So a compiled one has more channels,
    with weights of zero, that are dropped.
    """

    def __init__(self, inputs: int, edge: int) -> None:
        super().__init__(inputs, 1, edge, padding=edge // 2)
        self.aligned = True

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        if not (self.aligned and torch.compiler.is_compiling()):
            return super().forward(x)
        weight = functional.pad(self.weight, (*(0, 0) * 4, 0, _ALIGNED - 1))
        y = functional.conv3d(x, weight, padding=self.padding)
        # Cut where channels are the last axis, so that the gradient of y is channels last.
        first = y.movedim(1, -1)[..., :1].movedim(-1, 1)
        assert self.bias is not None
        return first + self.bias.to(y.dtype)


class ConvUnit(nn.Module):
    """Conv3d(3, padding 1), BatchNorm, ReLU: (batch, inputs, z, y, x) to (batch, outputs, z, y, x)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, padding=1)
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
