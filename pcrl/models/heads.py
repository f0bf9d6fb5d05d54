"""What hangs on a decoder level: projection, prediction, restoration."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from pcrl.models.volumes.blocks import AlignedConv3d

Head = Literal["published", "paper"]


def prediction_head(channels: int) -> nn.Sequential:
    """Linear, BatchNorm, ReLU, Linear: (batch, C) to (batch, C) through 2C."""
    return nn.Sequential(
        nn.Linear(channels, 2 * channels),
        nn.BatchNorm1d(2 * channels),
        nn.ReLU(inplace=True),
        nn.Linear(2 * channels, channels),
    )


class RestorationHead(nn.Module):
    """Restoration from one level's features: (batch, C, z, y, x) to (batch, 1, z, y, x) in [0, 1].

    `published` is Conv–BatchNorm–Sigmoid as in the published code, `paper` Conv–BatchNorm–ReLU–Conv–Sigmoid.
    """

    def __init__(self, channels: int, head: Head) -> None:
        super().__init__()
        inner = 1 if head == "published" else channels
        self.conv = AlignedConv3d(channels, inner, 3)
        self.norm = nn.BatchNorm3d(inner)
        self.last = None if head == "published" else AlignedConv3d(channels, 1, 3)

    def forward(self, features: Tensor) -> Tensor:
        """Restore at the resolution of the features."""
        x = self.norm(self.conv(features))
        if self.last is not None:
            x = self.last(functional.relu(x))
        return torch.sigmoid(x)


class ImageRestorationHead(nn.Module):
    """Restoration from one level's features: (batch, C, y, x) to (batch, 3, y, x), linear.

    Conv–BatchNorm–ReLU–Conv(1×1) as in the published code.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.last = nn.Conv2d(channels, 3, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Restore at the resolution of the features."""
        restored: Tensor = self.last(functional.relu(self.norm(self.conv(features))))
        return restored
