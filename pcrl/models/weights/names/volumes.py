"""The published 3D network's tensors, by their published names and by pcrl's."""

from __future__ import annotations

from pcrl.config import VolumeModel
from pcrl.models.weights.names.published_format import PublishedFormat, renamed

NETWORK = VolumeModel(width=64, levels=4, head="published")
"""The one 3D network of which weights were published."""


def ours(name: str) -> str:
    """pcrl's name of a published tensor, such as down_tr64.ops.0.conv1.weight; KeyError if there is none."""
    module, _, leaf = name.rpartition(".")
    return f"{_MODULES[module]}.{leaf}"


def network() -> PublishedFormat:
    """A file with the whole network."""
    return PublishedFormat("published 3D network", "network", NETWORK, renamed(NETWORK, _MODULES))


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
