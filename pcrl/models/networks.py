"""The pre-training network that a recipe asks for."""

from __future__ import annotations

import torch

from pcrl.config import ImageModel, Model
from pcrl.models.images import nsunet as nsunet2d
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.merging.shuffle import channels_last
from pcrl.models.volumes import nsunet as nsunet3d
from pcrl.models.volumes.nsunet import NsUNet3D

Network = NsUNet3D | NsUNet2D


def build(settings: Model) -> Network:
    """The network of a recipe for volumes or for images, with fresh weights."""
    if isinstance(settings, ImageModel):
        return nsunet2d.build(settings)
    return nsunet3d.build(settings)


def placed(network: Network, device: torch.device) -> Network:
    """The network on a device, in training, with its channels side by side in memory: a third faster on CPUs too."""
    last = channels_last(2 if isinstance(network, NsUNet2D) else 3)
    return network.to(device).train().to(memory_format=last)  # type: ignore[call-overload, no-any-return]
