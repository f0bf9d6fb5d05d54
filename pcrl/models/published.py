"""Weights of the published PCRLv2 code: in and out.

Its 3D checkpoints are `torch.save({"opt": Namespace, "state_dict": …, "optimizer": …, "epoch": …})`. They are read
without executing what a pickle may ask for. Published arrays are (x, y, z), those of pcrl (z, y, x).
"""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from pcrl.config import Model
from pcrl.models.nsunet3d import NsUNet3D

Axes = Literal["zyx", "xyz"]
_WIDTH, _LEVELS = 64, 4


class WeightsError(ValueError):
    """A file that does not hold the weights it should; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a published checkpoint held: weights under pcrl's names, and the epoch if it says so."""

    weights: dict[str, Tensor]
    epoch: int | None
    model: Model


def ours(name: str) -> str:
    """pcrl's name of a published tensor, such as down_tr64.ops.0.conv1.weight."""
    for pattern, replacement in _RULES:
        if match := re.fullmatch(pattern, name):
            return replacement(match)
    raise KeyError(name)


def read_published(path: Path, axes: Axes = "zyx") -> Published:
    """Read a published 3D checkpoint, or a bare state dict of that network.

    Args:
        axes: `zyx` reverses the spatial axes of every kernel, so that the network works on pcrl's arrays; `xyz`
            keeps them.

    Raises:
        WeightsError: missing, no checkpoint, one that would execute code, or of another network.
    """
    content = _load(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path}: no weights in it; expected a dictionary with a `state_dict` of tensors")
    state = {name.removeprefix("module."): value for name, value in state.items()}
    if any(name.startswith(("conv1.", "layer1.", "model.encoder.")) for name in state):
        raise WeightsError(
            f"{path}: these are weights of the 2D network (ResNet-18); this reads the 3D network"
        )
    expected = NsUNet3D(_WIDTH, _LEVELS).state_dict()
    weights = {}
    for name, value in state.items():
        try:
            weights[ours(name)] = value
        except KeyError:
            raise WeightsError(f"{path}: unknown tensor {name}; expected the published 3D network") from None
    missing = sorted(expected.keys() - weights.keys())
    if missing:
        raise WeightsError(f"{path}: {len(missing)} tensors are missing, the first is {missing[0]}")
    for name, value in weights.items():
        if value.shape != expected[name].shape:
            raise WeightsError(
                f"{path}: {name} has shape {tuple(value.shape)}, expected {tuple(expected[name].shape)}"
            )
    epoch = content.get("epoch") if isinstance(content, dict) else None
    weights = {name: _reversed(value) if axes == "zyx" else value for name, value in weights.items()}
    return Published(weights, epoch if isinstance(epoch, int) else None, Model(width=_WIDTH, levels=_LEVELS))


def to_published(weights: dict[str, Tensor], axes: Axes = "zyx") -> dict[str, Tensor]:
    """The published names (and axes) of pcrl's weights; the inverse of `read_published`."""
    names = {ours(name): name for name in published_names()}
    return {names[name]: _reversed(v) if axes == "zyx" else v for name, v in weights.items()}


def published_names() -> list[str]:
    """Names of all tensors of the published 3D network."""
    names = []
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    levels = [f"down_tr{c}" for c in (64, 128, 256, 512)] + [f"up_tr{c}" for c in (256, 128, 64)]
    for level in levels:
        for op in (0, 1):
            names += [f"{level}.ops.{op}.conv1.{p}" for p in ("weight", "bias")]
            names += [f"{level}.ops.{op}.bn1.{p}" for p in norm]
        if level.startswith("up"):
            names += [f"{level}.{part}.{p}" for part in ("up_conv", "deep_supervision_head.conv1",
                      "predictor_head.0", "predictor_head.3") for p in ("weight", "bias")]  # fmt: skip
            names += [f"{level}.{part}.{p}" for part in ("bn", "deep_supervision_head.bn1", "predictor_head.1")
                      for p in norm]  # fmt: skip
    return [*names, "out_tr.final_conv.weight", "out_tr.final_conv.bias"]


def _load(path: Path) -> object:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    try:
        # The one class of the published files that is not a tensor; everything else in a pickle is refused.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused: it is no checkpoint, or reading it would execute code stored in it; only tensors, plain "
            f"values and argparse.Namespace are allowed ({str(error).splitlines()[0]})"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: damaged, truncated or no PyTorch file: {error}") from error


def _reversed(value: Tensor) -> Tensor:
    """Kernels of 3D convolutions with their three spatial axes reversed; everything else as it is."""
    return value.permute(0, 1, 4, 3, 2).contiguous() if value.ndim == 5 else value


def _depth(channels: str) -> int:
    return {"64": 0, "128": 1, "256": 2, "512": 3}[channels]


_PART = {"conv1": "conv", "bn1": "norm"}
_RULES: list[tuple[str, Callable[[re.Match[str]], str]]] = [
    (
        r"down_tr(\d+)\.ops\.(\d)\.(conv1|bn1)\.(\w+)",
        lambda m: f"encoder.levels.{_depth(m[1])}.{('first', 'second')[int(m[2])]}.{_PART[m[3]]}.{m[4]}",
    ),
    (
        r"up_tr(\d+)\.ops\.(\d)\.(conv1|bn1)\.(\w+)",
        lambda m: f"decoder.{2 - _depth(m[1])}.pair.{('first', 'second')[int(m[2])]}.{_PART[m[3]]}.{m[4]}",
    ),
    (r"up_tr(\d+)\.up_conv\.(\w+)", lambda m: f"decoder.{2 - _depth(m[1])}.up.{m[2]}"),
    (r"up_tr(\d+)\.bn\.(\w+)", lambda m: f"decoder.{2 - _depth(m[1])}.projection.{m[2]}"),
    (
        r"up_tr(\d+)\.predictor_head\.(\d)\.(\w+)",
        lambda m: f"decoder.{2 - _depth(m[1])}.prediction.{m[2]}.{m[3]}",
    ),
    (
        r"up_tr(\d+)\.deep_supervision_head\.(conv1|bn1)\.(\w+)",
        lambda m: f"decoder.{2 - _depth(m[1])}.restoration.{_PART[m[2]]}.{m[3]}",
    ),
    (r"out_tr\.final_conv\.(\w+)", lambda m: f"final.{m[1]}"),
]
