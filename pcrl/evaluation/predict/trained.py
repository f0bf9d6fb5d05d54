"""A trained network out of an evaluation's folder, as `pcrl predict` needs it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from pcrl.evaluation.arms.choose import several_name
from pcrl.evaluation.records import request as requests
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.run.trainings import RUN, RUNS, WEIGHTS


@dataclass(frozen=True, slots=True)
class Trained:
    """A folder of weights, and what `Task.rebuild` says of the network.

    Args:
        folder: of one training: `EVALUATION/runs/ARM-seedN`.
    """

    folder: Path
    task: str
    rebuild: dict[str, Any]

    @property
    def kind(self) -> str:
        """`segmentation`, `classification`, …: what kind of answer it gives."""
        return str(self.rebuild["kind"])

    def load_into(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Put the weights into a network, which then answers.

        Raises:
            ProtocolError: they are damaged, or of another network.
        """
        path = self.folder / WEIGHTS
        try:
            model.load_state_dict(load_file(path))
        except (RuntimeError, OSError, SafetensorError) as error:
            raise ProtocolError(f"{path}: damaged, or not of this network ({error})") from error
        return model.to(device).eval()


def open_trained(path: Path, task: str) -> Trained:
    """A training of an evaluation; of a whole evaluation, the first arm's first.

    Args:
        path: an evaluation's folder, or `runs/ARM-seedN` in it.

    Raises:
        ProtocolError: no such folder, an evaluation of another task, or no training that has ended.
    """
    whole = (path / requests.REQUEST).is_file()
    evaluation = path if whole else path.parent.parent
    if not (evaluation / requests.REQUEST).is_file():
        raise ProtocolError(
            f"{path} is no evaluation: give its folder, such as evaluations/{task}-…, or one of {RUNS}/ARM-seed0 in it"
        )
    request = requests.load(evaluation)
    if request.task != task:
        raise ProtocolError(
            f"{path} is of {request.task}, not of {task}: pcrl predict {request.task} --run {path} …"
        )
    if not whole:
        folder = path
    else:
        ended = {folder for folder in (evaluation / RUNS).glob("*-seed*") if (folder / RUN).is_file()}
        found = [folder for arm in _arms(request) for folder in _of_arm(arm, ended)]
        if not found:
            raise ProtocolError(
                f"{path}: no training has ended yet; go on with it (pcrl eval {task} --out {path} --resume)"
            )
        folder = found[0]
    if not (folder / RUN).is_file():
        raise ProtocolError(f"{folder}: this training has not ended; go on with it (--resume)")
    return Trained(folder, request.task, request.rebuild)


def _arms(request: requests.Request) -> list[str]:
    """Names of the arms, in their order."""
    names: list[str] = []
    for kind in request.arms:
        several = kind == "pretrained" and len(request.checkpoints) > 1
        names += [several_name(path) for path in request.checkpoints] if several else [kind]
    return names


def _of_arm(arm: str, folders: Iterable[Path]) -> list[Path]:
    """Folders of an arm's trainings, in their order."""
    named = re.compile(rf"{re.escape(arm)}-seed(?P<seed>\d+)(-fold(?P<fold>\d+))?")
    found = [(match, folder) for folder in folders if (match := named.fullmatch(folder.name))]
    found.sort(key=lambda pair: (int(pair[0]["fold"] or 0), int(pair[0]["seed"])))
    return [folder for _, folder in found]
