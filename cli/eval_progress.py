"""How an evaluation is shown while it runs: who takes part, what must be known, a bar. Loaded when one runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from rich.progress import Progress as Bar

from pcrl.config import RecipeError
from pcrl.datasets.case import LayoutError
from pcrl.engine.cache.format import CacheError
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Results
from pcrl.evaluation.run.progress import PlannedEvaluation, Progress
from pcrl.models.device import DeviceError
from pcrl.models.weights.published import WeightsError
from pcrl.training.records.run_folder import RunError

from .console import console, note_slow_reading, progress, tell_note, user_errors


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """What an evaluation tells as one message; an interruption, too."""
    kinds = (RecipeError, LayoutError, CacheError, ProtocolError, WeightsError, RunError, DeviceError)
    with user_errors(*kinds, FloatingPointError):
        try:
            yield
        except KeyboardInterrupt:
            console.print("Stopped. Continue with --resume.")
            raise SystemExit(130) from None


class EvaluationDisplay(Progress):
    """Shows an evaluation, or one after the other.

    Args:
        name_folder: say where the results of each evaluation will be.
    """

    def __init__(self, name_folder: bool = True) -> None:
        self.folder, self._name_folder = Path(), name_folder
        self._bar: Bar | None = None
        self._networks = self._steps = self._through = 0

    def __enter__(self) -> EvaluationDisplay:
        note_slow_reading()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def comparing(self, tested: int, seen: int) -> None:
        """Say so: it can take minutes."""
        console.print(
            f"Looking for copies of {tested} test scans among {seen} that the network has seen before …"
        )

    def note(self, text: str) -> None:
        """Print it."""
        tell_note(text)

    def resumed(self, folder: Path, command: str) -> None:
        """Print what goes on."""
        console.print(f"Continuing {folder}, which was started with: {command}")

    def planned(self, plan: PlannedEvaluation, folder: Path) -> None:
        """Print who takes part, and begin a bar."""
        said = f"{plan.dataset}: {plan.patients}; fraction {plan.fraction:g}."
        self._begin(plan, folder, said, ("epochs", "training"))

    def _begin(self, plan: PlannedEvaluation, folder: Path, said: str, bar: tuple[str, str]) -> None:
        for name, about in plan.arms.items():
            console.print(f"{name}: {about}")
        console.print(said)
        for text in plan.notes:
            self.note(text)
        self.folder = folder
        if self._name_folder:
            console.print(f"Results in {folder}")
        self._networks, self._steps, self._through = plan.runs, plan.epochs, 0
        unit, doing = bar
        self._bar = progress(unit)
        self._bar.start()
        self._line = self._bar.add_task(doing, total=self._steps)

    def testing(self, plan: PlannedEvaluation, folder: Path) -> None:
        """Print who is tested, and begin a bar."""
        self._begin(plan, folder, f"{plan.dataset}: {plan.patients}.", ("networks", "testing"))

    def epoch(self, arm: str, replicate: Replicate, epoch: int, loss: float, score: float | None) -> None:
        """Move the bar on; where there is none to look at, print every fifth epoch."""
        text = f"{arm}, {replicate}, epoch {epoch}: loss {loss:.3f}"
        text += f", validation {score:.3f}" if score is not None else ""
        assert self._bar is not None
        self._bar.update(self._line, advance=1, description=text)
        if not console.is_terminal and (epoch % 5 == 0 or epoch == 1):
            console.print(text)

    def trained(self, arm: str, replicate: Replicate) -> None:
        """A training may end early, or have been done before: set the bar right."""
        self._through += 1
        assert self._bar is not None
        self._bar.update(self._line, completed=round(self._steps * self._through / self._networks))

    def written(self, results: Results, folder: Path) -> None:
        """End the bar."""
        self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
