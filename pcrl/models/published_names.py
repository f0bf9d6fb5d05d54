"""The published 3D network's tensors, by their published names and by pcrl's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from pcrl.config import VolumeModel
from pcrl.models.nsunet3d import build

NETWORK = VolumeModel(width=64, levels=4, head="published")
"""The one 3D network of which weights were published."""


def ours(name: str) -> str:
    """pcrl's name of a published tensor, such as down_tr64.ops.0.conv1.weight; KeyError if there is none."""
    module, _, leaf = name.rpartition(".")
    return f"{_MODULES[module]}.{leaf}"


def published_names() -> dict[str, str]:
    """Published name → pcrl's name, for every tensor of the network."""
    theirs = {own: published for published, own in _MODULES.items()}
    split = [name.rpartition(".") for name in _expected()]
    return {f"{theirs[module]}.{leaf}": f"{module}.{leaf}" for module, _, leaf in split}


def differences(state: Mapping[str, Tensor], names: Mapping[str, str]) -> str:
    """What keeps a state dict from being the network's; empty if nothing does.

    Args:
        names: the names that the state dict should have → pcrl's.
    """
    expected = _expected()
    missing = [name for name in names if name not in state]
    unknown = [name for name in state if name not in names]
    wrong = [
        f"{name} ({value.dtype}, {tuple(value.shape)} instead of {tuple(expected[names[name]].shape)})"
        for name, value in state.items()
        if name in names and not _fits(value, expected[names[name]])
    ]
    kinds = {"missing": missing, "unknown": unknown, "of the wrong type or shape": wrong}
    return "; ".join(f"tensors {kind}: {_listed(found)}" for kind, found in kinds.items() if found)


def _expected() -> dict[str, Tensor]:
    with torch.device("meta"):
        return build(NETWORK).state_dict()


def _fits(value: Tensor, expected: Tensor) -> bool:
    # Neither sparse nor complex nor quantised, which a file may hold under the right name and shape.
    same_kind = value.layout == expected.layout and value.is_floating_point() == expected.is_floating_point()
    return same_kind and value.shape == expected.shape


def _listed(names: Iterable[str], limit: int = 5) -> str:
    found = list(names)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return f"{', '.join(found[:limit])}{more}"


def _modules() -> dict[str, str]:
    """Published module → pcrl's. Levels are named by their channels there, and numbered by depth here."""
    modules = {"out_tr.final_conv": "final"}
    pairs = {f"down_tr{64 * 2**depth}": f"encoder.levels.{depth}" for depth in range(4)}
    for level, channels in enumerate((256, 128, 64)):
        theirs, own = f"up_tr{channels}", f"decoder.{level}"
        pairs[theirs] = f"{own}.pair"
        modules |= {
            f"{theirs}.up_conv": f"{own}.up",
            f"{theirs}.bn": f"{own}.projection",
            f"{theirs}.deep_supervision_head.conv1": f"{own}.restoration.conv",
            f"{theirs}.deep_supervision_head.bn1": f"{own}.restoration.norm",
        }
        modules |= {f"{theirs}.predictor_head.{part}": f"{own}.prediction.{part}" for part in (0, 1, 3)}
    for theirs, own in pairs.items():
        for number, unit in enumerate(("first", "second")):
            modules[f"{theirs}.ops.{number}.conv1"] = f"{own}.{unit}.conv"
            modules[f"{theirs}.ops.{number}.bn1"] = f"{own}.{unit}.norm"
    return modules


_MODULES = _modules()
