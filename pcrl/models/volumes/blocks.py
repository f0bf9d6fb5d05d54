"""The pieces that networks are made of."""

from __future__ import annotations

from torch import Tensor, nn


class ConvUnit(nn.Module):
    """Conv3d(3, padding 1), BatchNorm, ReLU: (batch, inputs, z, y, x) to (batch, outputs, z, y, x)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm3d(outputs)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        out: Tensor = self.act(self.norm(self.conv(x)))
        return out


class ConvPair(nn.Module):
    """Two `ConvUnit`s: inputs → middle → outputs channels."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.first = ConvUnit(inputs, middle)
        self.second = ConvUnit(middle, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply both."""
        out: Tensor = self.second(self.first(x))
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

    def forward(self, x: Tensor) -> list[Tensor]:
        """Feature maps of every level, finest first; level d is (batch, width·2^d, size / 2^d)."""
        maps = []
        for depth, level in enumerate(self.levels):
            x = level(x if depth == 0 else self.pool(x))
            maps.append(x)
        return maps
