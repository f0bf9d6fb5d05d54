"""What every task provides: network, loss, predictions, metrics. Cohorts are given to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from numpy.typing import NDArray
from torch import nn

from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.elsewhere import Tested
from pcrl.evaluation.finetune.fit import Learner, Schedule
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import CaseRow, Comparison, Line, Metric, Picture, Row, Subgroup

AnyCohorts = TypeVar("AnyCohorts")
AnyTask = TypeVar("AnyTask")
Predictions = Mapping[str, NDArray[Any]]
"""Predictions of a trained network for the test cases; all scores follow from them."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How one network is trained.

    Args:
        shuffled: on labels that belong to other images.
        frozen: the encoder stays as it is.
    """

    replicate: Replicate
    shuffled: bool
    frozen: bool
    device: torch.device


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How a task's networks are tested on another data set.

    Args:
        replicates: trainings of each arm.
        tested: which of its patients.
        same_labels: label of the networks → its name in that data set, where the names differ.
        options: of the task; see `pcrl.evaluation.tasks.registry`.
    """

    replicates: Sequence[Replicate]
    tested: Tested = "all"
    same_labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenedElsewhere(Generic[AnyCohorts, AnyTask]):
    """A task on another data set; `notes` say how its labels were found."""

    cohorts: AnyCohorts
    task: AnyTask
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """What the predictions of all arms come to."""

    rows: Mapping[str, Sequence[Row]]
    cases: Mapping[str, Sequence[CaseRow]]
    comparisons: Sequence[Comparison]
    lines: Sequence[Line] = ()
    pictures: Sequence[Picture] = ()
    subgroups: Sequence[Subgroup] = ()


class Task(Protocol):
    """One downstream task on the cohorts of one data set."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is reported; one is the end point."""

    @property
    def predicted(self) -> frozenset[str]:
        """Names of the arrays that `predict` gives."""

    @property
    def rebuild(self) -> dict[str, Any]:
        """Plain values from which `pcrl predict` builds the network again."""

    def can_validate(self, replicate: Replicate) -> bool:
        """Whether the validation patients can choose an epoch, and a learning rate."""

    def describe(self) -> list[str]:
        """What takes part beside patients, in words, such as how many candidates."""

    def notes_on_training(self) -> list[str]:
        """What a reader of the scores should know of the labels that are learnt, or choose an epoch."""

    def notes_on_test(self) -> list[str]:
        """What a reader of the scores should know of the labels that are scored."""

    def schedule(self) -> Schedule:
        """How long and how fast an arm is trained, as the recipe says."""

    def build(self, state: State | None) -> nn.Module:
        """A network, with a pre-trained encoder if there is one."""

    def learner(self, model: nn.Module, conditions: Conditions) -> Learner[Any]:
        """What trains `model`."""

    def predict(
        self, model: nn.Module, replicate: Replicate, arm: str, device: torch.device, out: Path
    ) -> Predictions:
        """Predictions of a trained network for the test cases; pictures of them go to `out`."""

    def score(self, predictions: Mapping[str, Mapping[Replicate, Predictions]], out: Path) -> Scored:
        """Metrics of all arms (name → replicate → predictions), compared. Files of the task's own go to `out`."""
