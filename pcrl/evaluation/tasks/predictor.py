"""What `pcrl predict` needs of a task: a trained network, and its predictions for one new input after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from pcrl.engine.reader import Reader
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.kept import kept_weights
from pcrl.evaluation.tasks.registry import TaskEntry


@dataclass(frozen=True, slots=True)
class Trained:
    """A folder of weights, and what `Task.rebuild` says of the network.

    Args:
        folder: of one training: `EVALUATION/runs/ARM-seedN`.
        task: whose network it is.
    """

    folder: Path
    task: TaskEntry
    rebuild: dict[str, Any]

    def load_into(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Put the weights into a network, which then predicts.

        Raises:
            ProtocolError: they are damaged, or of another network.
        """
        path = kept_weights(self.folder)
        try:
            model.load_state_dict(load_file(path))
        except (RuntimeError, OSError, SafetensorError) as error:
            raise ProtocolError(f"{path}: damaged, or not of this network ({error})") from error
        return model.to(device).eval()


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is predicted.

    Args:
        items: a `pcrl.datasets.case.Case` each of volumes, a path each of images.
        candidates: table of the candidates in all scans, where the task needs one.
        reader: reads them, in a process that may die of it.
    """

    items: Sequence[Any]
    candidates: Path | None = None
    reader: Reader = field(default_factory=Reader)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one input.

    Args:
        rows: of the table, under `Predictor.columns`.
        summary: in a line; empty where the table says it all.
        notes: what a user should know about how the input was read.
    """

    rows: Sequence[Sequence[object]] = ()
    summary: str = ""
    notes: tuple[str, ...] = ()


class Predictor(Protocol):
    """A trained network that predicts new inputs."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Head of the table of all predictions; empty where each prediction is a file of its own."""

    def predict(self, item: Any, out: Path) -> Prediction:
        """Predict one of the inputs; a file of its own goes to `out`.

        Raises:
            ReadError: it cannot be read.
            ScanError: values that are not of the modality that the network knows.
        """
