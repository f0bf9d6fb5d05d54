"""Checkpoints: a folder of safetensors (weights, momentum) and JSON (position, recipe). Nothing is pickled.

A checkpoint is written aside and renamed, so that a folder that is there is whole.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import SGD

from pcrl.config import Model
from pcrl.files import new_folder
from pcrl.models.weights.folder import load_weights, save_weights

MOMENTUM, POSITION = "momentum.safetensors", "position.json"
KEEP = 2
"""Checkpoints kept: the last, and one before it."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: the next step to do, as (epoch, step in it)."""

    epoch: int
    step: int


def save(folder: Path, position: Position, settings: Model, model: nn.Module, optimizer: SGD) -> Path:
    """Write the checkpoint of a position into `folder`, and remove all but the last few."""
    final = folder / f"epoch-{position.epoch:04d}-step-{position.step:06d}"
    with new_folder(final) as partial:
        source = {"epoch": position.epoch, "step": position.step}
        save_weights(partial, settings, model.state_dict(), source)
        save_file(_momentum(model, optimizer), partial / MOMENTUM)
        (partial / POSITION).write_text(json.dumps({"epoch": position.epoch, "step": position.step}) + "\n")
    for old in checkpoints(folder)[:-KEEP]:
        shutil.rmtree(old)
    return final


def checkpoints(folder: Path) -> list[Path]:
    """All whole checkpoints, oldest first."""
    return sorted(folder.glob("epoch-*-step-*")) if folder.is_dir() else []


def load(path: Path, model: nn.Module, optimizer: SGD) -> Position:
    """Put weights and momentum back, and tell where the run stood.

    Raises:
        pcrl.models.weights.published.WeightsError: damaged or missing files.
    """
    model.load_state_dict(load_weights(path).state)
    momentum = load_file(path / MOMENTUM)
    for name, parameter in model.named_parameters():
        if name in momentum:
            optimizer.state[parameter]["momentum_buffer"] = momentum[name].to(parameter.device)
    position = json.loads((path / POSITION).read_text())
    return Position(position["epoch"], position["step"])


def _momentum(model: nn.Module, optimizer: SGD) -> dict[str, Tensor]:
    buffers = {}
    for name, parameter in model.named_parameters():
        buffer = optimizer.state.get(parameter, {}).get("momentum_buffer")
        if buffer is not None:
            buffers[name] = buffer.detach().cpu().contiguous()
    return buffers
