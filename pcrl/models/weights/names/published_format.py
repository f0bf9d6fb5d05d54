"""What files of published weights hold: tensors by the names they have there, and by pcrl's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pcrl.config import Model
from pcrl.listing import few
from pcrl.models.networks import build

Part = Literal["network", "encoder"]
"""Weights of a whole network, or of its encoder only."""


@dataclass(frozen=True, slots=True)
class PublishedFormat:
    """One kind of file.

    Args:
        title: what it holds, in words.
        model: the network that the tensors are of, or of whose encoder they are.
        names: name there → pcrl's, for every tensor.
    """

    title: str
    part: Part
    model: Model
    names: Mapping[str, str]


def expected(model: Model) -> dict[str, Tensor]:
    """Every tensor of a network under pcrl's names, without memory behind it."""
    with torch.device("meta"):
        return build(model).state_dict()


def renamed(model: Model, modules: Mapping[str, str]) -> dict[str, str]:
    """Published name → pcrl's for every tensor of a network, from published module → pcrl's."""
    published_of = {own: published for published, own in modules.items()}
    split = [name.rpartition(".") for name in expected(model)]
    return {f"{published_of[module]}.{leaf}": f"{module}.{leaf}" for module, _, leaf in split}


def differences(state: Mapping[str, Tensor], published: PublishedFormat) -> str:
    """What keeps a state dict from being what `published` says; empty if nothing does."""
    names, shapes = published.names, expected(published.model)
    missing = [name for name in names if name not in state]
    unknown = [name for name in state if name not in names]
    wrong = [
        f"{name} ({value.dtype}, {tuple(value.shape)} instead of {tuple(shapes[names[name]].shape)})"
        for name, value in state.items()
        if name in names and not _fits(value, shapes[names[name]])
    ]
    kinds = {"missing": missing, "unknown": unknown, "of the wrong type or shape": wrong}
    return "; ".join(f"tensors {kind}: {few(found, 5)}" for kind, found in kinds.items() if found)


def _fits(value: Tensor, required: Tensor) -> bool:
    # Neither sparse nor complex nor quantised, which a file may hold under the right name and shape.
    same_kind = value.layout == required.layout and value.is_floating_point() == required.is_floating_point()
    return same_kind and value.shape == required.shape
