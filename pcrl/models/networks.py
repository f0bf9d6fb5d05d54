"""The pre-training network that a recipe asks for."""

from __future__ import annotations

from pcrl.config import ImageModel, Model
from pcrl.models.images import nsunet as nsunet2d
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.volumes import nsunet as nsunet3d
from pcrl.models.volumes.nsunet import NsUNet3D

Network = NsUNet3D | NsUNet2D


def build(settings: Model) -> Network:
    """The network of a recipe for volumes or for images, with fresh weights."""
    if isinstance(settings, ImageModel):
        return nsunet2d.build(settings)
    return nsunet3d.build(settings)
