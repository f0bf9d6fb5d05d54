"""Checkpoints: a folder of safetensors (weights, optimiser, objective) and JSON (position, recipe). Nothing is pickled.

A checkpoint is written aside and renamed, so that a folder that is there is whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from pcrl.config import Model
from pcrl.files import new_folder, remove, rename
from pcrl.models.weights.folder import TENSORS, load_weights, save_weights
from pcrl.models.weights.published import WeightsError
from pcrl.models.weights.whole import require_whole, write_digests
from pcrl.training.objectives.objective import Objective

POSITION, OBJECTIVE = "position.json", "objective.safetensors"
_BUFFER = "_buffer"
KEEP = 2
"""Checkpoints kept: the last, and one before it."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: the next step to do, as (epoch, step in it), and what is still to be told of those before.

    Args:
        fallbacks: samples so far for which the best of the allowed draws was taken.
        replaced: cases that could not be read, and how many of their samples others have replaced so far.
        unlogged: what the objective gave at each step since the last logged line, in the order of its readings.
        norms: of the gradients of the last steps.
        skipped: steps that were left out after a fault, counted from 1 over the whole run.
    """

    epoch: int
    step: int
    fallbacks: int = 0
    unlogged: tuple[tuple[float, ...], ...] = ()
    norms: tuple[float, ...] = ()
    skipped: tuple[int, ...] = ()
    replaced: Mapping[str, int] = field(default_factory=dict)


_POSITION = TypeAdapter(Position)


def save(
    folder: Path,
    position: Position,
    settings: Model,
    network: nn.Module,
    objective: Objective,
    optimizer: Optimizer,
) -> Path:
    """Write the checkpoint of a position into `folder`, and remove all but the last few."""
    for left in folder.glob(".*epoch-*.partial*"):
        remove(left)
    final = folder / f"epoch-{position.epoch:04d}-step-{position.step:06d}"
    with new_folder(final) as partial:
        source = {"epoch": position.epoch, "step": position.step}
        save_weights(partial, settings, network.state_dict(), source)
        if own := objective.state_dict():
            save_file({name: _plain(value) for name, value in own.items()}, partial / OBJECTIVE)
        for name, tensors in _optimizer_state(network, objective, optimizer).items():
            save_file(tensors, partial / name)
        (partial / POSITION).write_text(json.dumps(asdict(position)) + "\n", encoding="utf-8")
        write_digests(partial)
    for old in checkpoints(folder)[:-KEEP]:
        # Renamed first: a kill in between leaves no folder that looks like a checkpoint and lacks files.
        doomed = old.with_name(f".{old.name}.partial")
        rename(old, doomed)
        remove(doomed)
    return final


def checkpoints(folder: Path) -> list[Path]:
    """All whole checkpoints, oldest first."""
    return sorted(folder.glob("epoch-*-step-*")) if folder.is_dir() else []


def last_whole(folder: Path) -> Path | None:
    """The last checkpoint, every file of which is as it was written; none if there is none yet.

    Raises:
        WeightsError: it is damaged; says which one before it is whole.
    """
    found = checkpoints(folder)
    if not found:
        return None
    try:
        require_whole(found[-1])
    except WeightsError as error:
        before = next((path for path in reversed(found[:-1]) if _is_whole(path)), None)
        how = (
            f"the checkpoint before it, {before.name}, is whole: remove {found[-1]}, and --resume goes on from there"
            if before
            else "there is no whole checkpoint before it: start a new run"
        )
        raise WeightsError(f"{error}. Of the run: {how}") from error
    return found[-1]


def _is_whole(path: Path) -> bool:
    try:
        require_whole(path)
    except WeightsError:
        return False
    return True


def load(path: Path, network: nn.Module, objective: Objective, optimizer: Optimizer) -> Position:
    """Put everything back, and tell where the run stood.

    Raises:
        pcrl.models.weights.published.WeightsError: damaged or missing files.
    """
    network.load_state_dict(load_weights(path).state)
    try:
        return _load_rest(path, network, objective, optimizer)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path}: damaged ({type(error).__name__}: {error}); copy or save it again"
        ) from error


def _load_rest(path: Path, network: nn.Module, objective: Objective, optimizer: Optimizer) -> Position:
    if objective.state_dict():
        objective.load_state_dict(load_file(path / OBJECTIVE))
    parameters = dict(trained(network, objective))
    for file in sorted(path.glob("*.safetensors")):
        if file.name not in (TENSORS, OBJECTIVE):
            values = load_file(file)
            # Checkpoints of the first versions have nothing of weights that no step had reached.
            nothing = torch.zeros_like(next(iter(values.values())))
            for name, parameter in parameters.items():
                value = values.get(name, nothing if nothing.ndim == 0 else torch.zeros_like(parameter))
                optimizer.state[parameter][_entry(file)] = _kept(value, parameter, optimizer)
    return _POSITION.validate_json((path / POSITION).read_bytes())


def trained(network: nn.Module, objective: Objective) -> Iterator[tuple[str, nn.Parameter]]:
    """Everything that is trained, by name: the network's under its own names, then the objective's."""
    yield from network.named_parameters()
    for name, parameter in objective.named_parameters(prefix="objective"):
        if parameter.requires_grad:
            yield name, parameter


def _optimizer_state(
    network: nn.Module, objective: Objective, optimizer: Optimizer
) -> dict[str, dict[str, Tensor]]:
    """What the optimiser keeps of each parameter: name of the file → parameter → value."""
    files: dict[str, dict[str, Tensor]] = {}
    for name, parameter in trained(network, objective):
        for entry, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                files.setdefault(f"{entry.removesuffix(_BUFFER)}.safetensors", {})[name] = _plain(value)
    return files


def _kept(value: Tensor, parameter: nn.Parameter, optimizer: Optimizer) -> Tensor:
    """A stored value as the optimiser keeps it."""
    if value.ndim:
        # In the order of axes of its parameter: a kernel over both at once goes by their places in memory.
        return torch.empty_like(parameter).copy_(value)
    # A count of steps stays on the CPU, unless the optimiser is one kernel on a GPU.
    return value.to(parameter.device) if optimizer.defaults.get("fused") else value.clone()


def _entry(file: Path) -> str:
    """The inverse: SGD calls its momentum `momentum_buffer`."""
    return file.stem + _BUFFER if file.stem == "momentum" else file.stem


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu().contiguous()
