"""Weights of the published PCRLv2 code: in and out.

Its 3D checkpoints are `torch.save({"opt": Namespace, "state_dict": …, "optimizer": …, "epoch": …})`. They are read
without executing what a pickle may ask for. Published arrays are (x, y, z), those of pcrl (z, y, x).
"""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from pcrl.config import VolumeModel
from pcrl.models.published_names import NETWORK, differences, published_names

Axes = Literal["zyx", "xyz"]
_WANTED = "Give a 3D checkpoint of the published PCRLv2 code"


class WeightsError(ValueError):
    """A file that does not hold the weights it should; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a published checkpoint held: weights under pcrl's names, the epoch if it says so, and the network."""

    weights: dict[str, Tensor]
    epoch: int | None
    model: VolumeModel


def read_published(path: Path, axes: Axes = "zyx") -> Published:
    """Read a published 3D checkpoint, or a bare state dict of that network; every float becomes float32.

    Args:
        axes: `zyx` reverses the spatial axes of every kernel, so that the network works on pcrl's arrays; `xyz`
            keeps them.

    Raises:
        WeightsError: missing, damaged, no checkpoint, one that would execute code, or of another network.
    """
    content = _load(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise WeightsError(f"{path}: no weights in it; expected a `state_dict` of tensors. {_WANTED}")
    # DataParallel puts `module.` before every name.
    state = {name.removeprefix("module."): value for name, value in state.items()}
    # The published 2D file holds only the encoder, with the prefix `model.encoder.` removed.
    if any(name.startswith(("model.", "conv1.", "layer1.")) for name in state):
        raise WeightsError(f"{path}: these are weights of the 2D network, not supported yet. {_WANTED}")
    names = published_names()
    if found := differences(state, names):
        raise WeightsError(f"{path}: not the published 3D network: {found}. {_WANTED}")
    epoch = content.get("epoch") if isinstance(content, dict) else None
    weights = {names[name]: _turned(value, axes) for name, value in state.items()}
    return Published(weights, epoch if isinstance(epoch, int) else None, NETWORK)


def to_published(weights: Mapping[str, Tensor], axes: Axes = "zyx") -> dict[str, Tensor]:
    """The published names (and axes) of pcrl's weights; the inverse of `read_published`.

    Raises:
        WeightsError: the weights are of another width, depth or head, so that no published network takes them.
    """
    names = {own: published for published, own in published_names().items()}
    if found := differences(weights, {own: own for own in names}):
        raise WeightsError(f"not the published network, which is {NETWORK!r}: {found}")
    return {names[own]: _turned(value, axes) for own, value in weights.items()}


def _culprit(error: pickle.UnpicklingError) -> str:
    """What the file asked for; the rest of torch's message advises to switch the protection off."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    return f" (it asks for {found.group(1)})" if found else ""


def _load(path: Path) -> object:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file. {_WANTED}")
    try:
        # The one class of the published files that is not a tensor; everything else in a pickle is refused.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused: it is no checkpoint, or reading it would execute code stored in it; only tensors, plain "
            f"values and argparse.Namespace are allowed{_culprit(error)}. {_WANTED}"
        ) from error
    except Exception as error:
        # Wide on purpose: damaged bytes end in any error of the unpickler (KeyError, struct.error, AssertionError, …).
        raise WeightsError(
            f"{path}: damaged, truncated or no PyTorch file ({type(error).__name__}: {_first_line(error)}). {_WANTED}, "
            "or copy it again"
        ) from error


def _turned(value: Tensor, axes: Axes) -> Tensor:
    """An own copy; for `zyx`, of a kernel of a 3D convolution with its three spatial axes reversed."""
    value = value.detach().float() if value.is_floating_point() else value
    value = value.permute(0, 1, 4, 3, 2) if axes == "zyx" and value.ndim == 5 else value
    return value.clone(memory_format=torch.contiguous_format)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no details"])[0]
