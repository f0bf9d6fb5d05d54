"""The segmentation network: the pre-trained encoder in a U-Net with skip connections.

As the authors do when fine-tuning: the encoder is loaded, skip connections and decoder are new.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pcrl.config import VolumeModel
from pcrl.models.encoders import encoder_of
from pcrl.models.volumes.blocks import ConvPair, Encoder3D


class UNet3D(nn.Module):
    """Encoder of `NsUNet3D`, decoder with skips, a score for each class.

    Args:
        classes: number of classes, background included.
        in_channels: channels of the image.
    """

    def __init__(self, width: int, levels: int, classes: int, in_channels: int = 1) -> None:
        super().__init__()
        self.encoder = Encoder3D(width, levels, in_channels)
        channels = self.encoder.channels[::-1]
        self.ups = nn.ModuleList(
            nn.ConvTranspose3d(channels[level], channels[level], 2, stride=2) for level in range(levels - 1)
        )
        self.pairs = nn.ModuleList(
            ConvPair(channels[level] + channels[level + 1], channels[level + 1], channels[level + 1])
            for level in range(levels - 1)
        )
        self.classifier = nn.Conv3d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, z, y, x) to scores (batch, classes, z, y, x)."""
        maps = self.encoder(x)
        features = maps[-1]
        for up, pair, skip in zip(self.ups, self.pairs, maps[-2::-1], strict=True):
            features = pair(torch.cat([up(features), skip], dim=1))
        scores: Tensor = self.classifier(features)
        return scores


def build_unet(
    settings: VolumeModel, classes: int, in_channels: int, pretrained: dict[str, Tensor] | None
) -> UNet3D:
    """The network of a recipe; with the encoder of a pre-trained `NsUNet3D` if its weights are given.

    An encoder of one channel is spread over several: its first kernel is repeated and divided by their number.
    """
    model = UNet3D(settings.width, settings.levels, classes, in_channels)
    if pretrained is not None:
        state = encoder_of(pretrained)
        first = "levels.0.first.conv.weight"
        if state[first].shape[1] == 1 and in_channels > 1:
            state[first] = state[first].repeat(1, in_channels, 1, 1, 1) / in_channels
        model.encoder.load_state_dict(state)
    return model
