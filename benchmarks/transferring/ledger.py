"""Every run is written down: started, finished, failed. What is finished is not done again."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pcrl.engine.cache.commit import write_text
from transferring.settings import Budget

LOG, RESULT, BUDGET = "log.jsonl", "result.json", "budget.json"


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
        if known.exists() and known.read_text() != described:
            raise SystemExit(f"{folder} holds runs of another budget ({known}): give another --work")
        write_text(known, described)
        self.write("benchmark", "started")

    def do(self, name: str, function: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The result of a run, done now or before; none if it failed, which is written down and shown.

        A run that is started twice in the log was killed in between.
        """
        path = self.folder / "results" / name / RESULT
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            return found
        self.write(name, "started")
        began = time.perf_counter()
        try:
            result = function()
        except Exception as error:
            self.write(name, "failed", error=repr(error), trace=traceback.format_exc())
            print(f"{name} failed: {error!r}", flush=True)
            return None
        result["seconds"] = round(time.perf_counter() - began, 2)
        path.parent.mkdir(parents=True, exist_ok=True)
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
