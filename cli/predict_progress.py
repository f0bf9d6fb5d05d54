"""How a prediction is shown while it runs. Loaded when one runs."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from pcrl.evaluation.run.progress import Progress

from .console import console, progress, tell, tell_note


class PredictionDisplay(Progress):
    """A bar, and a line for each input that is more than a row of the table."""

    def __init__(self) -> None:
        self._bar = progress("cases")

    def __enter__(self) -> PredictionDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        """Print it."""
        tell_note(text)

    def predicting(self, network: Path, inputs: int) -> None:
        """Begin the bar."""
        console.print(f"Network: {network}")
        self._bar.start()
        self._line = self._bar.add_task("predicting", total=inputs)

    def predicted(self, summary: str) -> None:
        """Move the bar on."""
        if summary:
            console.print(summary)
        self._bar.update(self._line, advance=1)

    def failed(self, reason: str) -> None:
        """Name what could not be predicted, and move the bar on."""
        tell("failed", reason)
        self._bar.update(self._line, advance=1)
