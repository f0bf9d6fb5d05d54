"""Metrics of a run: JSONL and TensorBoard."""

from __future__ import annotations

import json
import math
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from pcrl.files import write_text
from pcrl.training.progress import StepReport

METRICS = "metrics.jsonl"


class Log:
    """Metrics of a run: one JSON object a line (the truth), and TensorBoard."""

    def __init__(self, out: Path, first_step: int) -> None:
        self._path = out / METRICS
        kept = []
        if self._path.exists():
            # What a killed run logged after its last checkpoint is done, and logged, again.
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
            kept = [line for line in lines if _step_of(line) <= first_step]
        write_text(self._path, "".join(line + "\n" for line in kept))
        self._file = self._path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(out / "tensorboard"), purge_step=first_step + 1)

    def write(self, report: StepReport, fallbacks: int) -> None:
        """Log how a run goes.

        Args:
            fallbacks: samples so far for which the best of the allowed draws was taken.
        """
        values = {
            **report.scalars,
            "epoch": report.epoch,
            "learning_rate": report.learning_rate,
            "samples_per_second": report.samples_per_second,
            "waiting": report.waiting,
            "fallbacks": fallbacks,
        }
        self._file.write(json.dumps({"step": report.step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, report.step)

    def close(self) -> None:
        """Flush and close both."""
        self._file.close()
        self._board.close()


def _step_of(line: str) -> float:
    """The step that a line is of; infinite of what is no line of a log, such as half of one."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return math.inf
