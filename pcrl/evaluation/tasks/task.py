"""What a task is to the machinery that is common to all: data, head, loss, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import nn

from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.leak import Tested
from pcrl.evaluation.finetune.fit import Learner, Schedule
from pcrl.evaluation.records.replicate import Place
from pcrl.evaluation.records.results import CaseRow, Comparison, Line, Metric, Picture, Row, Side

Answers = Mapping[str, NDArray[Any]]
"""What a trained network says of the test cases; everything that is scored follows from it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What the answers of all arms come to."""

    rows: Mapping[str, Sequence[Row]]
    cases: Mapping[str, Sequence[CaseRow]]
    comparisons: Sequence[Comparison]
    lines: Sequence[Line] = ()
    pictures: Sequence[Picture] = ()


class Task(Protocol):
    """One downstream task on one data set, with the patients that a question asks for."""

    name: str
    dataset: str

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is reported; one is the end point."""

    @property
    def places(self) -> tuple[Place, ...]:
        """All trainings of an arm."""

    @property
    def virtual(self) -> int:
        """Test cases that are generated."""

    @property
    def rebuild(self) -> dict[str, Any]:
        """Plain values from which `pcrl predict` builds the network again."""

    def side(self, place: Place) -> Side:
        """Who is trained on, who chooses the epoch, who is tested."""

    def chooses(self, place: Place) -> bool:
        """Whether validation can choose an epoch, and a learning rate."""

    def patients(self, place: Place) -> tuple[int, int]:
        """How many patients are trained on, and tested."""

    def tested(self) -> list[Tested]:
        """What `check_leak` has to know of everything that is tested."""

    def owners(self) -> Mapping[str, str]:
        """Whose each case is, or each image."""

    def describe(self) -> str:
        """Realised numbers of patients, in words."""

    def notes(self) -> list[str]:
        """What a reader of the scores should know of this choice of patients."""

    def schedule(self) -> Schedule:
        """How long and how fast an arm is trained, as the recipe says."""

    def build(self, state: State | None) -> nn.Module:
        """A network, with a pre-trained encoder if there is one."""

    def learner(
        self, model: nn.Module, place: Place, shuffled: bool, frozen: bool, device: torch.device
    ) -> Learner[Any]:
        """What trains `model`, on labels that are not its images' if they are `shuffled`."""

    def answer(self, model: nn.Module, place: Place, arm: str, device: torch.device, out: Path) -> Answers:
        """Ask a trained network about the test cases; pictures go to `out`."""

    def score(self, answers: Mapping[str, Mapping[Place, Answers]], out: Path) -> Scored:
        """Metrics of all arms, compared. Files of the task's own go to `out`."""
