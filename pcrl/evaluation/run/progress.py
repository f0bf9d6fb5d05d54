"""What an evaluation, a curve or a prediction tells on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Results
from pcrl.notes import log_note


@dataclass(frozen=True, slots=True)
class PlannedEvaluation:
    """What an evaluation is about to do.

    Args:
        arms: what each of them is, in words.
        patients: who takes part, in words.
        notes: what a reader of the results should know.
        runs: trainings that are kept: of each arm, with each seed, in each fold.
        epochs: of all of them together at most, those of other learning rates that are tried included.
    """

    dataset: str
    fraction: float
    arms: Mapping[str, str]
    patients: str
    notes: tuple[str, ...]
    runs: int
    epochs: int


class Progress:
    """Is told of every event. Logs notes, and does nothing else: override what should be shown."""

    def note(self, text: str) -> None:
        """Something that a reader of the results should know; logged, unless it is shown otherwise."""
        log_note(text)

    def resumed(self, folder: Path, command: str) -> None:
        """What was begun in `folder` goes on; `command` is what was typed then."""

    def comparing(self, tested: int, seen: int) -> None:
        """So many tested scans are compared with so many that a network has seen before."""

    def planned(self, plan: PlannedEvaluation, folder: Path) -> None:
        """An evaluation can begin; its trainings come next."""
        for text in plan.notes:
            self.note(text)

    def testing(self, plan: PlannedEvaluation, folder: Path) -> None:
        """An external test can begin; its predictions come next."""
        for text in plan.notes:
            self.note(text)

    def epoch(self, arm: str, replicate: Replicate, epoch: int, loss: float, score: float | None) -> None:
        """An epoch of fine-tuning is through.

        Args:
            loss: mean over the epoch.
            score: of the validation patients when they were last scored; none where there are none.
        """

    def trained(self, arm: str, replicate: Replicate) -> None:
        """An arm is trained with a seed, whether now or before."""

    def written(self, results: Results, folder: Path) -> None:
        """An evaluation has ended, and all its files are written."""

    def predicting(self, network: Path, inputs: int) -> None:
        """A trained network is loaded, and so many inputs come next."""

    def predicted(self, summary: str) -> None:
        """An input is through; `summary` is what is said of it, and may be empty."""

    def failed(self, reason: str) -> None:
        """An input could not be predicted."""
