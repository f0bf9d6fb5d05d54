"""The state of a fine-tuning on disk: safetensors and JSON, written aside and renamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Adam

from pcrl.evaluation.finetune.early_stopping import EarlyStopping
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.files import new_folder
from pcrl.models.weights.published import WeightsError
from pcrl.models.weights.whole import require_whole, write_digests

_MODULE, _KEPT, _ADAM, _POSITION = (
    "module.safetensors",
    "kept.safetensors",
    "adam.safetensors",
    "position.json",
)


def is_kept(folder: Path) -> bool:
    """Whether a training can go on from here."""
    return (folder / _POSITION).exists()


def save_state(
    folder: Path,
    module: nn.Module,
    optimizer: Adam,
    stopping: EarlyStopping,
    losses: list[float],
    go_on: bool,
    steps: int | None,
) -> None:
    """Write everything that the next epoch depends on; what was there is replaced once the new is whole."""
    with new_folder(folder) as partial:
        save_file(_flat(module.state_dict()), partial / _MODULE)
        if stopping.kept is not None:
            save_file(_flat(stopping.kept), partial / _KEPT)
        moments = {
            f"{number}.{name}": value
            for number, state in optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }
        save_file(_flat(moments), partial / _ADAM)
        position = {
            "losses": losses,
            "go_on": go_on,
            "steps": steps,
            "chosen_epoch": stopping.chosen_epoch,
            "history": stopping.history,
        }
        (partial / _POSITION).write_text(json.dumps(position) + "\n", encoding="utf-8")
        write_digests(partial)


def restore_state(
    folder: Path, module: nn.Module, optimizer: Adam, stopping: EarlyStopping
) -> tuple[list[float], bool, int | None]:
    """Put everything back; the losses of the epochs that are done, whether training should continue, and steps done.

    Of a training of an earlier version, which did not count them, the steps are none.

    Raises:
        ProtocolError: damaged.
    """
    try:
        require_whole(folder)
        return _restored(folder, module, optimizer, stopping)
    except (WeightsError, SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ProtocolError(
            f"{folder}: the training under way cannot go on ({error}): remove this folder, and --resume begins "
            "it anew"
        ) from error


def _restored(
    folder: Path, module: nn.Module, optimizer: Adam, stopping: EarlyStopping
) -> tuple[list[float], bool, int | None]:
    module.load_state_dict(load_file(folder / _MODULE))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in load_file(folder / _ADAM).items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    position = json.loads((folder / _POSITION).read_text(encoding="utf-8"))
    stopping.chosen_epoch = position["chosen_epoch"]
    stopping.history = [(epoch, tuple(score)) for epoch, score in position["history"]]
    stopping.kept = load_file(folder / _KEPT) if (folder / _KEPT).exists() else None
    return position["losses"], position["go_on"], position.get("steps")


def _flat(tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
