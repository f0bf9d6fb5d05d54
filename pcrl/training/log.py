"""Metrics of a run: JSONL and TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from pcrl.files import write_text

METRICS = "metrics.jsonl"


class Log:
    """Metrics of a run: one JSON object a line (the truth), and TensorBoard."""

    def __init__(self, out: Path, first_step: int) -> None:
        self._path = out / METRICS
        kept = []
        if self._path.exists():
            # What a killed run logged after its last checkpoint is done, and logged, again.
            lines = [line for line in self._path.read_text().splitlines() if line.endswith("}")]
            kept = [line for line in lines if json.loads(line)["step"] <= first_step]
        write_text(self._path, "".join(line + "\n" for line in kept))
        self._file = self._path.open("a")
        self._board = SummaryWriter(str(out / "tensorboard"), purge_step=first_step + 1)

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Log the values of a step (counted from 1 over the whole run)."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            if isinstance(value, int | float):
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close both."""
        self._file.close()
        self._board.close()
