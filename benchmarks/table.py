"""One look for all results: Markdown with date, command, hardware and versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
Function = Callable[[], object]


def interleaved(functions: Mapping[str, Function], runs: int = 15) -> dict[str, float]:
    """Median milliseconds of each function; they take turns, so that a noisy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(runs):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            times[name].append(1e3 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in times.items()}


def spread(values: Sequence[float], digits: int) -> str:
    """The lowest and the highest of some values."""
    return f"{min(values):.{digits}f} – {max(values):.{digits}f}"


def processor() -> str:
    """The processor's name as the system gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines)


def write(
    name: str,
    title: str,
    packages: Sequence[str],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: str,
    folder: Path = RESULTS,
    shown: bool = True,
) -> None:
    """Write a table to `results/NAME.md`, or to another folder, and print it if it is to be shown."""
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    lines = [
        f"# {title}",
        "",
        (
            f"{date.today()} · `python {' '.join(sys.argv)}` · {processor()}, {os.cpu_count()} cores · "
            f"Python {platform.python_version()}, {versions}"
        ),
        "",
        grid(header, rows),
        "",
        notes,
    ]
    text = "\n".join(lines) + "\n"
    if shown:
        print(text)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
