"""What a pre-training tells while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcrl.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class StepReport:
    """How a run went since the last report.

    Args:
        epoch: that it is in, from 1 on.
        step: steps done, of `steps` in the whole run.
        scalars: means of what the objective logs, by name.
        waiting: share of the time that was spent waiting for data.
    """

    epoch: int
    step: int
    steps: int
    scalars: Mapping[str, float]
    learning_rate: float
    samples_per_second: float
    waiting: float


class Progress:
    """Is told how a pre-training gets on. Does nothing: override the methods whose events should be shown."""

    def note(self, text: str) -> None:
        """What a user should know."""

    def preparing(self) -> None:
        """Kernels are compiled, and a step is timed: some seconds."""

    def begun(self, trainer: Trainer, start: str, seconds_per_step: float) -> None:
        """The first step is next. Setting `trainer.stop`, at any time, saves the run and ends it.

        Args:
            start: where the weights come from, in words.
        """

    def stepped(self, report: StepReport) -> None:
        """Some steps are done."""
