"""nsUNet 2D: a ResNet-18 and a decoder without skip connections. Source: the published code, whose weights load."""

from __future__ import annotations

from torch import Tensor, nn

from pcrl.config import ImageModel
from pcrl.models.decoder import Decoded, DecoderLevel, decode, require_divisible
from pcrl.models.heads import ImageRestorationHead, prediction_head
from pcrl.models.images.blocks import ImageConvPair
from pcrl.models.images.resnet import ResNet18
from pcrl.models.merging.kernels import NearestThenConv
from pcrl.models.nsunet import NsUNet
from pcrl.models.outputs import Outputs

LEVELS = 5
"""Halvings in a ResNet, and doublings after it."""


class NsUNet2D(NsUNet):
    """The pre-training network for images of three channels; restorations are linear. Axes must be divisible by 32.

    Args:
        width: channels of the ResNet's first convolution, 64 as published; divisible by 4, since the decoder's levels
            have 4, 2, 1, ½ and ¼ times as many.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.in_channels = 3
        self.encoder = ResNet18(width, self.in_channels)
        channels = [self.encoder.channels, *(4 * width // 2**level for level in range(LEVELS))]
        self.decoder = nn.ModuleList(_level(channels[level], channels[level + 1]) for level in range(LEVELS))
        self.final = nn.Conv2d(channels[-1], self.in_channels, 3, padding=1)

    def forward(self, x: Tensor, restore: tuple[int, ...] = ()) -> Outputs:
        """Encode, decode, restore.

        Args:
            x: (batch, 3, y, x).
            restore: decoder levels whose restoration is wanted.

        Raises:
            ValueError: an axis is not divisible by 32, so that the restoration would be larger than x.
        """
        decoded = self._decoded(x, restore)
        return Outputs(self.final(decoded.features), *decoded[1:])

    def _decoded(self, x: Tensor, restore: tuple[int, ...]) -> Decoded:
        size = x.shape[2:]
        require_divisible(size, self.decoder_levels)
        features = self.encoder(x, self.recompute)
        return decode(self.decoder, features, size, restore, self.recompute)


def _level(inputs: int, channels: int) -> DecoderLevel:
    return DecoderLevel(
        up=nn.Upsample(scale_factor=2, mode="nearest"),
        pair=ImageConvPair(inputs, channels),
        join=NearestThenConv(),
        projection=nn.BatchNorm1d(channels),
        prediction=prediction_head(channels),
        restoration=ImageRestorationHead(channels),
    )


def build(settings: ImageModel) -> NsUNet2D:
    """The network of a recipe, with fresh weights."""
    return NsUNet2D(settings.width)
