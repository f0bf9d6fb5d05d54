"""How a pre-training is shown: what is trained, how to read what is logged, a bar, and how it is stopped."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Mapping
from typing import Any

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pcrl.listing import counted, few
from pcrl.training.progress import PlannedRun, Progress, StepReport

from .console import console, duration, note_slow_reading, tell_note

_TELLING = 3
"""The report at which it is told how long the rest takes on a GPU, by the fastest so far: others may hold compiling."""


class PretrainingDisplay(Progress):
    """Shows a pre-training on the console. Within it Ctrl-C and SIGTERM save the run and end it."""

    def __init__(self) -> None:
        self.has_begun = False
        self._untimed, self._reports, self._fastest = False, 0, math.inf
        self._names: list[str] = []
        self._told: set[str] = set()
        columns = (TextColumn("{task.fields[text]}"), BarColumn(), TimeElapsedColumn(), TextColumn("ETA"))
        self._bar = Bar(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._line = self._bar.add_task("train", total=None, text="", visible=False)
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> PretrainingDisplay:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self.ended()

    def ended(self) -> None:
        """Gives signals back to whom they were before."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def note(self, text: str) -> None:
        """A note about the cache and the recipe."""
        tell_note(text)

    def preparing(self) -> None:
        """Says why nothing happens for some seconds."""
        note_slow_reading()
        console.print("Compiling kernels (only the first time) and timing a step …")

    def planned(self, plan: PlannedRun, stop: Callable[[], None]) -> None:
        """Says what is trained, how long it will take and how to read it, and starts the bar."""
        self.has_begun = True
        self._stop_on_signals(stop)
        _announce(plan)
        self._untimed = plan.seconds_per_step is None
        self._names = [name for name, reading in plan.readings.items() if reading.shown]
        for name in self._names:
            console.print(f"  {name}: {plan.readings[name].text}", markup=False)
        self._bar.update(self._line, total=plan.steps, completed=plan.steps_done, visible=True)

    def joined(self, stop: Callable[[], None]) -> None:
        """Is silent: the first process tells how all get on."""
        self._stop_on_signals(stop)

    def _stop_on_signals(self, stop: Callable[[], None]) -> None:
        asked = list[int]()

        def handle(number: int, _: object) -> None:
            # Who asks twice does not want to wait, such as for storage that does not answer.
            if asked:
                raise KeyboardInterrupt
            asked.append(number)
            stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, handle)

    def stepped(self, report: StepReport) -> None:
        """Moves the bar; where there is none, prints a line."""
        scalars = " ".join(f"{name} {report.scalars[name]:.3f}" for name in self._names)
        speed = f"{report.samples_per_second:.1f} samples/s, waiting for data {report.waiting:.0%}"
        text = f"epoch {report.epoch} {scalars} | {speed}"
        self._bar.update(self._line, completed=report.step, text=text)
        self._reports += 1
        self._fastest = min(self._fastest, report.seconds_per_step)
        if self._untimed and self._reports == _TELLING:
            seconds = (report.steps - report.step) * self._fastest
            console.print(
                f"About {duration(seconds)} for the {report.steps - report.step} steps that are left."
            )
        for name in sorted(report.reasons.keys() - self._told):
            self._told.add(name)
            tell_note(f"case {name} cannot be read, samples of others take its place: {report.reasons[name]}")
        if report.replaced and report.ends_epoch:
            tell_note(f"epoch {report.epoch}: {replaced_in_words(report.replaced)}")
        if not console.is_terminal:
            console.print(f"step {report.step}/{report.steps} {text}")


def replaced_in_words(replaced: Mapping[str, int]) -> str:
    """How many cases were left out so far, which, and how many samples of others took their place."""
    samples = counted(sum(replaced.values()), "sample")
    names = few(f"{name} ({count})" for name, count in sorted(replaced.items()))
    return f"{counted(len(replaced), 'case')} cannot be read, {samples} of others took their place so far: {names}"


def _announce(plan: PlannedRun) -> None:
    recipe, left = plan.recipe, plan.steps - plan.steps_done
    seconds = None if plan.seconds_per_step is None else plan.seconds_per_step * left
    time = "" if seconds is None else f"about {duration(seconds)} for "
    console.print(
        f"{plan.cases}; {plan.held_back} cases held back for evaluation.\n"
        f"Recipe {recipe.name}, objective {recipe.objective.name}, start: {plan.start}. {plan.device}, {plan.numbers}: "
        f"{time}{left} steps of {recipe.training.batch_size} samples. Run folder: {plan.folder}"
    )
    if plan.device == "cpu" and seconds is not None and seconds > 6 * 3600:
        tell_note(
            "this recipe is meant for a GPU. On a CPU use the small one: ingest with --recipe "
            f"cpu-{recipe.dimensions}d, then pretrain"
        )
