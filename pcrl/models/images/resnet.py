"""ResNet-18 as an encoder, under the names that torchvision gives its tensors."""

from __future__ import annotations

from torch import Tensor, nn

from pcrl.models.recompute import run


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with BatchNorm beside a shortcut: (batch, inputs, y, x) to (batch, outputs, y/s, x/s).

    Args:
        stride: s, of the first convolution. Where it, or the number of channels, changes the shape, the shortcut is
            a 1×1 convolution with BatchNorm.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        result: Tensor = self.relu(out + shortcut)
        return result


class ResNet18(nn.Module):
    """ResNet-18 without its classifier. Source: He et al., CVPR 2016; names and first weights as in torchvision.

    Args:
        width: channels of the first convolution, 64 in a ResNet-18; the four stages have 1, 2, 4 and 8 times as many.
    """

    def __init__(self, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        self.channels = 8 * width
        """Of the feature map that `forward` gives."""
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(width, width, stride=1)
        self.layer2 = _stage(width, 2 * width, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, stride=2)
        self.layer4 = _stage(4 * width, 8 * width, stride=2)
        # BatchNorm begins with weight 1 and bias 0 by itself.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, recompute: bool = False) -> Tensor:
        """The last feature map: (batch, in_channels, y, x) to (batch, 8·width, y/32, x/32), rounded up.

        Args:
            recompute: keep only what comes out of the stages for the backward, see `pcrl.models.recompute`.
        """
        x = run(self._stem, x, norms=self.bn1, recompute=recompute)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = run(stage, x, norms=stage, recompute=recompute)
        return x

    def _stem(self, x: Tensor) -> Tensor:
        found: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return found


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))
