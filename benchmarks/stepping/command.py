"""All rows, one after the other, and the table of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from table import write

from stepping.measure import chip, measure
from stepping.processes import Rows, say
from stepping.report import HEADER, fastest, joined, line, with_rates
from stepping.rows import ON_CPU, ON_GPU, Suite, in_turn, named

CHIP = "chip"
_LIMIT = {"cuda": 180.0, "cpu": 400.0}
"""Seconds for one row."""
_LEAST, _LEAST_COMPILED = 15.0, 75.0
"""Seconds in which a row can be measured: a compiler takes a minute or more for a graph. With less left, rows that are
not compiled have their turn."""
_ROUNDS = {"cuda": 1, "cpu": 3}


def measure_one(suite: str, row: str, device: torch.device, out: Path, seconds: float) -> None:
    """Measure one row, or the chip, and say what came of it."""
    if suite == CHIP:
        say(chip(device))
    else:
        say(measure(*named(_suites(device), suite, row), device, out, seconds))


def measure_all(
    command: Sequence[str], device: torch.device, out: Path, wanted: str, minutes: float, rounds: int | None
) -> None:
    """Measure every row in a process of its own, and write a table of all that the folder holds after each of them.

    Rows take turns where there are several rounds, and what an earlier call has measured counts as rounds too.

    Args:
        command: of a process that measures one row.
        wanted: pattern of the rows to measure, found in "SUITE: ROW".
    """
    rows = Rows(command, out, minutes, _LIMIT[device.type])
    for number in range(rounds or _ROUNDS[device.type]):
        rows.keep({"what": CHIP, "round": number} | rows.measured("--only", CHIP, CHIP, least=_LEAST))
        for suite, row in in_turn(_suites(device)):
            if not re.search(wanted, f"{suite.name}: {row.name}"):
                continue
            least = _LEAST_COMPILED if row.compiled else _LEAST
            measured = rows.measured("--only", suite.name, row.name, least=least)
            rows.keep(
                {"what": suite.name, "row": row.name, "round": number} | with_rates(suite, row, measured)
            )
            _write(device, out, rows.kept(), shown=False)
    _write(device, out, rows.kept(), shown=True)


def _suites(device: torch.device) -> tuple[Suite, ...]:
    return ON_GPU if device.type == "cuda" else ON_CPU


def _write(device: torch.device, out: Path, kept: Sequence[dict[str, Any]], shown: bool) -> None:
    machine: dict[str, Any] = {}
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for values in kept:
        if values["what"] == CHIP:
            machine = fastest(machine, values)
        else:
            found.setdefault((values["what"], values["row"]), []).append(values)
    lines: list[tuple[str, ...]] = []
    for suite in _suites(device):
        heading = f"**{suite.name}: {suite.recipe}, batch {suite.batch}**"
        lines.append((heading, *[""] * (len(HEADER) - 1)))
        reference = joined(found.get(suite.reference, []))
        for row in suite.rows:
            measured = joined(found.get((suite.name, row.name), []))
            lines.append(line(row.name, measured, reference, machine.get("matrix_tflops")))
    rounds = max((sum("failed" not in each for each in values) for values in found.values()), default=0)
    notes = (
        f"Measured on {machine.get('device')} ({machine.get('threads')} threads of the CPU), cuDNN "
        f"{machine.get('cudnn')}, which multiplies large {machine.get('numbers')} matrices at "
        f"{machine.get('matrix_tflops', 0):.3g} TFLOP/s and copies at {machine.get('copy_gbs', 0):.0f} GB/s. Medians "
        f"of steps without a pause in between, each row in processes of its own, {rounds} times in turns with the "
        "others. By the least: times as fast by the fastest step, which others on the machine disturb the least. "
        "Nominal operations are three times those of the forward passes with two layers at each up-sampling, executed "
        "ones those of the row itself; both are counted from shapes. GB: the most that tensors took on a GPU, of a "
        "CPU what the process took. Losses: of the first step, and of the third, against the reference; rounding "
        "grows with every step."
    )
    write("train_step", "The training step", ["torch"], HEADER, lines, notes, out, shown)
