"""What a pre-training tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pcrl.notes import log_note

if TYPE_CHECKING:
    from pcrl.config import Recipe
    from pcrl.training.objectives.objective import Reading


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """What a pre-training is about to do.

    Args:
        cases: what it trains on, in words; `held_back` of the cache's cases are left out, as they are for evaluation.
        start: where the weights come from, in words.
        device, numbers: what it computes on, and in, such as `cuda` and `bfloat16`.
        steps: of the whole run, of which `steps_done` are done already.
        seconds_per_step: estimated, the loader's time not in it. None on a GPU, where the first steps tell: with two
            samples a step takes nearly as long there as with many.
        readings: how to read the scalars of each report.
    """

    folder: Path
    recipe: Recipe
    cases: str
    held_back: int
    start: str
    device: str
    numbers: str
    steps: int
    steps_done: int
    seconds_per_step: float | None
    readings: Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class StepReport:
    """How a run went since the last report.

    Args:
        epoch: that it is in, from 1 on.
        step: steps done, of `steps` in the whole run.
        scalars: means of what the objective logs, by name.
        waiting: share of the time in which the device had nothing to do, as its batch was not there.
        replaced: cases so far that could not be read, and how many of their samples were replaced by those of others.
        reasons: why each of them could not be read, as far as it is known.
        ends_epoch: the epoch is over.
    """

    epoch: int
    step: int
    steps: int
    scalars: Mapping[str, float]
    learning_rate: float
    samples_per_second: float
    seconds_per_step: float
    waiting: float
    replaced: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    ends_epoch: bool = False


class Progress:
    """Is told how a pre-training gets on. Logs notes, and does nothing else: override what should be shown."""

    def note(self, text: str) -> None:
        """What a user should know; logged, unless it is shown otherwise."""
        log_note(text)

    def preparing(self) -> None:
        """Kernels are compiled, and a step is timed: some seconds."""

    def planned(self, plan: PlannedRun, stop: Callable[[], None]) -> None:
        """The first step is next.

        Args:
            stop: to be called at any time, by a signal too: the step under way ends, the run is saved, and ends.
        """

    def joined(self, stop: Callable[[], None]) -> None:
        """The first step is next, in a process that is not the first of several: nothing is told here.

        Args:
            stop: see `planned`; all processes stop together.
        """

    def ended(self) -> None:
        """Training is over, however it ended: `stop` has no effect any more. Of every process."""

    def stepped(self, report: StepReport) -> None:
        """Some steps are done."""
