"""Each row in a process of its own, with a limit: what crashes or hangs costs only its own row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COMPILED = "inductor"
"""The folder in OUT that keeps what was compiled."""
MARK = "row: "
"""What begins the line that a process has to say."""


class Rows:
    """Measures rows until time is up, and keeps them in OUT/rows.jsonl as soon as they are known.

    What the compiler has made for one row it finds again for others, and in a later call with the same OUT: kernels
    that they share, and graphs that are the same.

    Args:
        command: of a process that measures one row; its arguments are appended.
        minutes: for all.
        limit: seconds for one.
    """

    def __init__(self, command: Sequence[str], out: Path, minutes: float, limit: float) -> None:
        self._command, self._path = list(command), out / "rows.jsonl"
        self._end, self._limit = time.monotonic() + 60 * minutes, limit
        self._environment = {"TORCHINDUCTOR_CACHE_DIR": str((out / COMPILED).resolve())} | os.environ

    def measured(self, *arguments: str, least: float) -> dict[str, Any]:
        """What a process says of a row, or why it does not.

        Args:
            least: seconds without which it is not begun.
        """
        left = min(self._end - time.monotonic(), self._limit)
        if left < least:
            return {"failed": "no time was left"}
        process = subprocess.Popen(
            [*self._command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=self._environment,
        )
        try:
            said, errors = process.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # The compiler has processes of its own.
            process.communicate()
            return {"failed": f"not done after {left:.0f} s"}
        lines = [line for line in said.splitlines() if line.startswith(MARK)]
        if process.returncode or not lines:
            print(errors[-4000:], file=sys.stderr)
            last = errors.strip().splitlines() or ["nothing said"]
            return {"failed": f"status {process.returncode}: {last[-1][:300]}"}
        found: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
        return found

    def keep(self, values: dict[str, Any]) -> None:
        """Print a row, and append it to the file."""
        line = json.dumps(values)
        print(line, flush=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def kept(self) -> list[dict[str, Any]]:
        """All rows of the file, those of earlier calls included."""
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]


def say(values: dict[str, Any]) -> None:
    """What a row's process says, for the one that started it."""
    print(MARK + json.dumps(values), flush=True)
