"""Encoders: the part of a pre-trained network that fine-tuning takes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pcrl.config import ImageModel, Model
from pcrl.models.images.resnet import ResNet18
from pcrl.models.volumes.blocks import Encoder3D

_ENCODER = "encoder."
Encoder = Encoder3D | ResNet18


def build_encoder(settings: Model) -> Encoder:
    """The encoder of a recipe's network, with fresh weights."""
    if isinstance(settings, ImageModel):
        return ResNet18(settings.width)
    return Encoder3D(settings.width, settings.levels)


def deepest_channels(encoder: Encoder) -> int:
    """Channels of an encoder's deepest features."""
    return encoder.channels if isinstance(encoder, ResNet18) else encoder.channels[-1]


def deepest_features(encoder: Encoder, x: Tensor) -> Tensor:
    """(batch, channels, *spatial) to the encoder's coarsest feature map, (batch, channels, *smaller)."""
    features: Tensor | list[Tensor] = encoder(x)
    return features[-1] if isinstance(features, list) else features


def encoder_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the encoder, under its own names, out of those of a network or of its encoder alone."""
    return {name.removeprefix(_ENCODER): state[name] for name in state if name.startswith(_ENCODER)}
