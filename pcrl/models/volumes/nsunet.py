"""nsUNet 3D: a U-Net without skip connections, so that restoration cannot go round the deep features.

Source: the paper (TPAMI 45(7), 2023, section 3) and its published code.
"""

from __future__ import annotations

from torch import Tensor, nn

from pcrl.config import VolumeModel
from pcrl.models.decoder import Decoded, DecoderLevel, decode, require_divisible
from pcrl.models.heads import Head, RestorationHead, prediction_head
from pcrl.models.merging.kernels import TransposedThenConv
from pcrl.models.nsunet import NsUNet
from pcrl.models.outputs import Outputs
from pcrl.models.volumes.blocks import AlignedConv3d, ConvPair, Encoder3D


class NsUNet3D(NsUNet):
    """The pre-training network. Every axis of the input must be divisible by 2^(levels − 1).

    Args:
        width: channels of the finest encoder level, 64 as published.
        levels: levels of the encoder, 4 as published; the decoder has one less.
        head: restoration head, see `RestorationHead`.
    """

    def __init__(
        self, width: int = 64, levels: int = 4, head: Head = "published", in_channels: int = 1
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.encoder = Encoder3D(width, levels, in_channels)
        channels = self.encoder.channels[::-1]
        self.decoder = nn.ModuleList(
            _level(channels[level], channels[level + 1], head) for level in range(levels - 1)
        )
        self.final = AlignedConv3d(width, 1, 1)

    def forward(self, x: Tensor, restore: tuple[int, ...] = ()) -> Outputs:
        """Encode, decode, restore.

        Args:
            x: (batch, channels, z, y, x).
            restore: decoder levels whose restoration is wanted.

        Raises:
            ValueError: an axis is not divisible by 2^(levels − 1), so that the restoration would be smaller than x.
        """
        decoded = self._decoded(x, restore)
        return Outputs(self.final(decoded.features).sigmoid(), *decoded[1:])

    def _decoded(self, x: Tensor, restore: tuple[int, ...]) -> Decoded:
        size = x.shape[2:]
        require_divisible(size, self.decoder_levels)
        features = self.encoder(x, self.recompute)[-1]
        return decode(self.decoder, features, size, restore, self.recompute)


def _level(inputs: int, channels: int, head: Head) -> DecoderLevel:
    return DecoderLevel(
        up=nn.ConvTranspose3d(inputs, inputs, 2, stride=2),
        pair=ConvPair(inputs, channels, channels),
        join=TransposedThenConv(),
        projection=nn.BatchNorm1d(channels),
        prediction=prediction_head(channels),
        restoration=RestorationHead(channels, head),
    )


def build(settings: VolumeModel) -> NsUNet3D:
    """The network of a recipe, with fresh weights."""
    return NsUNet3D(settings.width, settings.levels, settings.head)
