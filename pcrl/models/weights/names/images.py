"""The published 2D network's tensors, by their published names and by pcrl's.

Its encoder has torchvision's names for a ResNet-18, so that files of either kind hold the same tensors.
"""

from __future__ import annotations

from pcrl.config import ImageModel
from pcrl.models.images.nsunet import LEVELS
from pcrl.models.weights.names.published_format import PublishedFormat, expected, renamed

NETWORK = ImageModel(width=64)
"""The one 2D network of which weights were published."""
ENCODER = "encoder."
"""Before the names of a ResNet's tensors here."""


def ours(name: str) -> str:
    """pcrl's name of a published tensor, such as model.decoder.blocks.0.bn.weight; KeyError if there is none."""
    module, _, leaf = name.rpartition(".")
    return f"{_MODULES[module]}.{leaf}"


def network() -> PublishedFormat:
    """A file with the whole network."""
    return PublishedFormat("published 2D network", "network", NETWORK, renamed(NETWORK, _MODULES))


def encoder(title: str) -> PublishedFormat:
    """A file with a ResNet-18 without its classifier, as published 2D checkpoints and torchvision's files hold it."""
    own = [name for name in expected(NETWORK) if name.startswith(ENCODER)]
    return PublishedFormat(title, "encoder", NETWORK, {name.removeprefix(ENCODER): name for name in own})


def _modules() -> dict[str, str]:
    """Published module → pcrl's."""
    modules = {"model.segmentation_head.0": "final"}
    inside = {name.rpartition(".")[0] for name in expected(NETWORK) if name.startswith(ENCODER)}
    modules |= {f"model.{module}": module for module in inside}
    parts = {
        "conv1.0": "pair.first.conv",
        "conv1.1": "pair.first.norm",
        "conv2.0": "pair.second.conv",
        "conv2.1": "pair.second.norm",
        "bn": "projection",
        "deep_supervision_head.0": "restoration.conv",
        "deep_supervision_head.1": "restoration.norm",
        "deep_supervision_head.3": "restoration.last",
        **{f"predictor_head.{number}": f"prediction.{number}" for number in (0, 1, 3)},
    }
    for level in range(LEVELS):
        for theirs, own in parts.items():
            modules[f"model.decoder.blocks.{level}.{theirs}"] = f"decoder.{level}.{own}"
    return modules


_MODULES = _modules()
