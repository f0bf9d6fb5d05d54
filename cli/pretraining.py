"""How a pre-training is shown: what is trained, how to read what is logged, a bar, and how it is stopped."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pcrl.training.progress import Progress, StepReport

from .console import console, duration, note_slow_reading, tell_note

if TYPE_CHECKING:
    from pcrl.training.trainer import Trainer


class PretrainingDisplay(Progress):
    """Shows a pre-training on the console. Within it Ctrl-C and SIGTERM save the run and end it."""

    def __init__(self) -> None:
        self.has_begun = False
        self._names: list[str] = []
        columns = (TextColumn("{task.fields[text]}"), BarColumn(), TimeElapsedColumn(), TextColumn("ETA"))
        self._bar = Bar(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._line = self._bar.add_task("train", total=None, text="", visible=False)
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> PretrainingDisplay:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def note(self, text: str) -> None:
        """A note about the cache and the recipe."""
        tell_note(text)

    def preparing(self) -> None:
        """Says why nothing happens for some seconds."""
        note_slow_reading()
        console.print("Compiling kernels (only the first time) and timing a step …")

    def begun(self, trainer: Trainer, start: str, seconds_per_step: float) -> None:
        """Says what is trained, how long it will take and how to read it, and starts the bar."""
        self.has_begun = True
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, lambda *_: setattr(trainer, "stop", True))
        _announce(trainer, start, seconds_per_step)
        self._names = [name for name, reading in trainer.readings.items() if reading.shown]
        for name in self._names:
            console.print(f"  {name}: {trainer.readings[name].text}", markup=False)
        self._bar.update(self._line, total=trainer.steps, completed=trainer.steps_done, visible=True)

    def stepped(self, report: StepReport) -> None:
        """Moves the bar; where there is none, prints a line."""
        scalars = " ".join(f"{name} {report.scalars[name]:.3f}" for name in self._names)
        speed = f"{report.samples_per_second:.1f} samples/s, waiting for data {report.waiting:.0%}"
        text = f"epoch {report.epoch} {scalars} | {speed}"
        self._bar.update(self._line, completed=report.step, text=text)
        if not console.is_terminal:
            console.print(f"step {report.step}/{report.steps} {text}")


def _announce(trainer: Trainer, start: str, seconds_per_step: float) -> None:
    from pcrl.models.precision import in_use

    recipe, selection, left = trainer.recipe, trainer.selection, trainer.steps - trainer.steps_done
    numbers = str(in_use(trainer.device)).removeprefix("torch.")
    console.print(
        f"{selection.describe()}; {selection.held_back} cases held back for evaluation.\nRecipe {recipe.name}, "
        f"objective {recipe.objective.name}, start: {start}. {trainer.device}, {numbers}: about "
        f"{duration(seconds_per_step * left)} for {left} steps of {recipe.training.batch_size} samples. Run folder: "
        f"{trainer.out}"
    )
    if trainer.device.type == "cpu" and seconds_per_step * left > 6 * 3600:
        tell_note(
            "this recipe is meant for a GPU. On a CPU use the small one: ingest with --recipe "
            f"cpu-{recipe.dimensions}d, then pretrain"
        )
