"""The training, validation and test sides of an evaluation: what volumes and images have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.evaluation.cohorts.budget import Validation
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Side

FEWEST_TO_CHOOSE = 10
"""With fewer validation patients the choice of an epoch is largely chance."""


@dataclass(frozen=True, slots=True)
class Design:
    """How often every arm is trained, and on which patients.

    Args:
        fraction: share of the labelled patients, in (0, 1]; smaller ones nest in larger ones.
        seeds: trainings of each arm, each with its own patients and patches.
        folds: each in turn is tested, the one before it validates, all others train; none: the data's own split.
        options: of the task; see `pcrl.evaluation.tasks.registry`.
        validation: who chooses the epoch; see `pcrl.evaluation.cohorts.budget`.
    """

    fraction: float = 1.0
    seeds: int = 1
    folds: tuple[int, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    validation: Validation = "budget"


class Cohorts(Protocol):
    """The training, validation and test sides of every training of an arm."""

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """All trainings of an arm."""

    def side(self, replicate: Replicate) -> Side:
        """Names of the cases, or of the images, on each side of one training."""

    def counts(self, replicate: Replicate) -> tuple[int, int]:
        """How many patients are trained on, and tested."""

    def validating(self, replicate: Replicate) -> int:
        """How many patients choose the epoch; their labels are used too."""

    def tested(self) -> Fingerprints:
        """What gives away everything that is tested."""

    def learnt_from(self) -> Fingerprints:
        """What gives away everything that is trained on, or chooses an epoch, in any of the trainings."""

    def owners(self) -> Mapping[str, str]:
        """The patient of each case, or of each image."""

    def virtual(self) -> int:
        """How many of those that are tested are generated, and of no patient."""

    def describe(self) -> str:
        """Realised numbers of patients, in words; of several trainings, of the first."""

    def notes_on_training(self) -> list[str]:
        """What a reader of the scores should know of who trains and validates."""

    def notes_on_test(self) -> list[str]:
        """What a reader of the scores should know of who is tested, and who is not."""
