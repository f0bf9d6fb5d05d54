"""The pieces that networks for radiographs are made of."""

from __future__ import annotations

from torch import Tensor, nn


class ImageConvUnit(nn.Module):
    """Conv2d(3, padding 1, no bias), BatchNorm, ReLU: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        return self.activate(self.conv(x))

    def activate(self, convolved: Tensor) -> Tensor:
        """What comes after the convolution."""
        out: Tensor = self.act(self.norm(convolved))
        return out


class ImageConvPair(nn.Module):
    """Two `ImageConvUnit`s: inputs → outputs → outputs channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = ImageConvUnit(inputs, outputs)
        self.second = ImageConvUnit(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply both."""
        return self.after(self.first.conv(x))

    def after(self, convolved: Tensor) -> Tensor:
        """What comes after the first convolution."""
        out: Tensor = self.second(self.first.activate(convolved))
        return out
