"""Every run is written down: started, finished, failed. What is finished is not done again, nor by two at once."""

from __future__ import annotations

import fcntl
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pcrl.files import write_text
from transferring.settings import Budget

LOG, RESULT, BUDGET, CLAIM = "log.jsonl", "result.json", "budget.json", "claim"
Found = TypeVar("Found")


class Ledger:
    """The runs in a folder.

    Raises:
        SystemExit: the folder holds runs of another budget.
    """

    def __init__(self, folder: Path, budget: Budget) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        described = json.dumps(asdict(budget), indent=1)
        known = folder / BUDGET
        with (folder / ".budget.lock").open("a") as door:
            # Processes that begin at the same moment would write the same file.
            fcntl.flock(door, fcntl.LOCK_EX)
            if known.exists() and known.read_text() != described:
                raise SystemExit(f"{folder} holds runs of another budget ({known}): give another --work")
            write_text(known, described)
        self.write("benchmark", "started")
        self._waits = True
        self._failed: set[str] = set()

    def together(self, stage: Callable[[], Found]) -> Found:
        """The results of a stage that other processes work on too: first what nobody has begun, then all.

        Args:
            stage: asks for runs by `do`, and takes it that some are not there.
        """
        self._waits = False
        stage()
        self._waits = True
        return stage()

    def do(self, name: str, function: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The result of a run, done now or before; none if it failed, which is written down and shown.

        In the first pass of `together` there is none either of what another process is at; else that is waited for.
        A run that is started twice in the log was killed in between.
        """
        folder = self.folder / "results" / name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / CLAIM).open("a") as claim:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | (0 if self._waits else fcntl.LOCK_NB))
            except BlockingIOError:
                return None
            if (folder / RESULT).exists():
                found: dict[str, Any] = json.loads((folder / RESULT).read_text())
                return found
            return None if name in self._failed else self._do(name, function, folder / RESULT)

    def _do(self, name: str, function: Callable[[], dict[str, Any]], path: Path) -> dict[str, Any] | None:
        self.write(name, "started")
        began = time.perf_counter()
        try:
            result = function()
        except Exception as error:
            self._failed.add(name)
            self.write(name, "failed", error=repr(error), trace=traceback.format_exc())
            print(f"{name} failed: {error!r}", flush=True)
            return None
        result["seconds"] = round(time.perf_counter() - began, 2)
        write_text(path, json.dumps(result))
        self.write(name, "finished", seconds=result["seconds"])
        print(f"{name}: {result['seconds']} s", flush=True)
        return result

    def write(self, name: str, event: str, **more: object) -> None:
        """One line: run, event, time."""
        line = {"run": name, "event": event, "time": datetime.now().isoformat(timespec="seconds")} | more
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def tally(self) -> dict[str, list[str]]:
        """Names of runs that finished, that failed and never finished, and that were begun again after being killed."""
        events: dict[str, list[str]] = {}
        for line in (self.folder / LOG).read_text().splitlines():
            entry = json.loads(line)
            if entry["run"] != "benchmark":
                events.setdefault(entry["run"], []).append(entry["event"])
        return {
            "finished": [run for run, found in events.items() if "finished" in found],
            "failed": [run for run, found in events.items() if "failed" in found and "finished" not in found],
            "aborted": [
                run
                for run, found in events.items()
                if found.count("started") > found.count("finished") + found.count("failed")
            ],
        }
