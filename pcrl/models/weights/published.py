"""Weights of the published PCRLv2 code, in and out; and those of a torchvision ResNet-18, in.

Published checkpoints are `torch.save({"opt": Namespace, "state_dict": …, "optimizer": …, "epoch": …})`; those in 2D
hold the encoder only. Published 3D arrays are (x, y, z), those of pcrl (z, y, x).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from pcrl.config import Model
from pcrl.models.weights import pickled
from pcrl.models.weights.names import images as published_names2d
from pcrl.models.weights.names import volumes as published_names3d
from pcrl.models.weights.names.published_format import Part, PublishedFormat, differences
from pcrl.models.weights.pickled import WeightsError

__all__ = ["IMAGENET", "Axes", "Part", "Published", "WeightsError", "read_published", "to_published"]

Axes = Literal["zyx", "xyz"]
IMAGENET = "torchvision resnet18 (ImageNet)"
"""Origin of weights that were trained on photographs, so that no patient went into them."""
_HINT = "Give a checkpoint of the published PCRLv2 code, or the weights of torchvision's resnet18"
_CLASSIFIER = ("fc.weight", "fc.bias")
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Published:
    """What a file held.

    Args:
        weights: under pcrl's names; those of an encoder begin with `encoder.`.
        epoch: if the file says so.
        model: the network that they are of, or of whose encoder they are.
        part: whether they are a whole network or an encoder.
        origin: what they are, in words, such as "published 2D encoder".
    """

    weights: dict[str, Tensor]
    epoch: int | None
    model: Model
    part: Part
    origin: str


def read_published(path: Path, axes: Axes = "zyx") -> Published:
    """Read a published checkpoint or a ResNet-18, with or without what is saved around it; floats become float32.

    Args:
        axes: `zyx` reverses the spatial axes of every 3D kernel, so that the network works on pcrl's arrays; `xyz`
            keeps them.

    Raises:
        WeightsError: missing, damaged, no checkpoint, one that would execute code, or of another network.
    """
    content = pickled.load(path, _HINT)
    whole = content if isinstance(content, dict) else {}
    state = _tensors(whole.get("state_dict", content))
    if state is None:
        raise WeightsError(f"{path}: no weights in it; expected a `state_dict` of tensors. {_HINT}")
    layout = _format_of(state, bare="state_dict" not in whole)
    if layout.part == "encoder":
        state = {name: value for name, value in state.items() if name not in _CLASSIFIER}
    if layout.model.network == "nsunet2d":
        # Files written before torch 0.4.1, such as torchvision's first, do not have them.
        counters = {name: torch.tensor(0) for name in layout.names if name.endswith(_COUNTER)}
        state = counters | state
    if found := differences(state, layout):
        raise WeightsError(f"{path}: not a {layout.title}: {found}. {_HINT}")
    epoch = whole.get("epoch")
    return Published(
        {layout.names[name]: _turned(value, axes) for name, value in state.items()},
        epoch if isinstance(epoch, int) else None,
        layout.model,
        layout.part,
        layout.title,
    )


def to_published(weights: Mapping[str, Tensor], axes: Axes = "zyx") -> dict[str, Tensor]:
    """The published names (and axes) of pcrl's weights of a whole network; the inverse of `read_published`.

    Raises:
        WeightsError: the weights are of another width, depth or head, so that no published network takes them, or of
            an encoder only.
    """
    images = any(name.startswith("encoder.conv1.") for name in weights)
    layout = published_names2d.network() if images else published_names3d.network()
    names = {own: published for published, own in layout.names.items()}
    if found := differences(weights, replace(layout, names={own: own for own in names})):
        raise WeightsError(f"not the {layout.title}, which is {layout.model!r}: {found}")
    return {names[own]: _turned(value, axes) for own, value in weights.items()}


def _tensors(content: object) -> dict[str, Tensor] | None:
    """A state dict without the `module.` that DataParallel puts before every name; none if it is something else."""
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        return None
    return {name.removeprefix("module."): value for name, value in content.items()}


def _format_of(state: Mapping[str, Tensor], bare: bool) -> PublishedFormat:
    """What a state dict means to be, judged by its names.

    Args:
        bare: the file holds nothing around it.
    """
    if any(name.startswith("model.") for name in state):
        return published_names2d.network()
    if any(name.startswith(("conv1.", "layer1.")) for name in state):
        return published_names2d.encoder(_origin_of_encoder(state, bare))
    return published_names3d.network()


def _origin_of_encoder(state: Mapping[str, Tensor], bare: bool) -> str:
    classifier = state.get("fc.weight")
    if classifier is None:
        return "2D encoder of unknown origin" if bare else "published 2D encoder"
    # torchvision saves nothing around the tensors, and ImageNet has 1,000 classes.
    if bare and tuple(classifier.shape) == (1000, 512):
        return IMAGENET
    return f"resnet18 with a classifier of shape {tuple(classifier.shape)}"


def _turned(value: Tensor, axes: Axes) -> Tensor:
    """An own copy; for `zyx`, of a kernel of a 3D convolution with its three spatial axes reversed."""
    value = value.detach().float() if value.is_floating_point() else value
    value = value.permute(0, 1, 4, 3, 2) if axes == "zyx" and value.ndim == 5 else value
    return value.clone(memory_format=torch.contiguous_format)
