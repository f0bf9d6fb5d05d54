"""nsUNet 3D: a U-Net without skip connections, so that restoration cannot go round the deep features.

Source: the paper (TPAMI 45(7), 2023, section 3) and its published code.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from pcrl.config import VolumeModel
from pcrl.models.blocks import ConvPair, Encoder3D
from pcrl.models.heads import Head, RestorationHead, prediction_head


class Outputs(NamedTuple):
    """What one forward pass gives; lists run over decoder levels, coarsest first.

    Args:
        restored: (batch, 1, z, y, x) in [0, 1].
        projections: z of each level, (batch, C).
        predictions: p of each level, (batch, C).
        mids: restoration from each level that was asked for, upsampled to the input's size.
    """

    restored: Tensor
    projections: list[Tensor]
    predictions: list[Tensor]
    mids: dict[int, Tensor]


class DecoderLevel(nn.Module):
    """One step up: double every axis, two convolutions, and the three heads of this level."""

    def __init__(self, inputs: int, channels: int, head: Head) -> None:
        super().__init__()
        self.up = nn.ConvTranspose3d(inputs, inputs, 2, stride=2)
        self.pair = ConvPair(inputs, channels, channels)
        self.projection = nn.BatchNorm1d(channels)
        self.prediction = prediction_head(channels)
        self.restoration = RestorationHead(channels, head)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (batch, C, …), projection z (batch, C) and prediction p (batch, C)."""
        features = self.pair(self.up(x))
        z = self.projection(features.mean(dim=(2, 3, 4)))
        return features, z, self.prediction(z)


class NsUNet3D(nn.Module):
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
        self.encoder = Encoder3D(width, levels, in_channels)
        channels = self.encoder.channels[::-1]
        self.decoder = nn.ModuleList(
            DecoderLevel(channels[level], channels[level + 1], head) for level in range(levels - 1)
        )
        self.final = nn.Conv3d(width, 1, 1)

    @property
    def decoder_levels(self) -> int:
        """Number of decoder levels."""
        return len(self.decoder)

    def forward(self, x: Tensor, restore: tuple[int, ...] = ()) -> Outputs:
        """Encode, decode, restore.

        Args:
            x: (batch, channels, z, y, x).
            restore: decoder levels whose restoration is wanted.

        Raises:
            ValueError: an axis is not divisible by 2^(levels − 1), so that the restoration would be smaller than x.
        """
        size = x.shape[2:]
        if any(edge % 2**self.decoder_levels for edge in size):
            raise ValueError(f"every axis of {tuple(size)} must be divisible by {2**self.decoder_levels}")
        features = self.encoder(x)[-1]
        projections, predictions, mids = [], [], {}
        for number, level in enumerate(self.decoder):
            assert isinstance(level, DecoderLevel)
            features, z, p = level(features)
            projections.append(z)
            predictions.append(p)
            # In training every head runs: the published code's running statistics see all views at all levels.
            if self.training or number in restore:
                mid = level.restoration(features)
                if number in restore:
                    mids[number] = functional.interpolate(
                        mid, size=size, mode="trilinear", align_corners=False
                    )
        return Outputs(self.final(features).sigmoid(), projections, predictions, mids)


def build(settings: VolumeModel) -> NsUNet3D:
    """The network of a recipe, with fresh weights."""
    return NsUNet3D(settings.width, settings.levels, settings.head)
