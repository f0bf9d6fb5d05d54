"""What the rows come to: medians over rounds, ratios, rates, and whether all rows compute the same."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from stepping.flops import executed, nominal
from stepping.rows import Row, Suite

HEADER = (
    "", "ms", "least – most", "samples/s", "times as fast", "by the least", "nominal TFLOP/s", "executed TFLOP/s",
    "of the matrix rate", "GB", "losses",
)  # fmt: skip
_SAME = 0.02
"""Losses of bfloat16 and of float32 differ by less, in parts of the loss, or of 1 if it is smaller."""
_LATER = 0.1
"""After two steps: each makes the next differ more."""

Measured = dict[str, Any]


def with_rates(suite: Suite, row: Row, measured: Measured) -> Measured:
    """A row with samples a second, and what it computes."""
    if "failed" in measured:
        return measured
    per_second = suite.batch / measured["ms"] * 1e3
    sample = {"nominal_gflop": nominal(suite.recipe), "executed_gflop": executed(suite.recipe, row)}
    rates = {name.replace("gflop", "tflops"): value * per_second / 1e3 for name, value in sample.items()}
    return measured | {"samples_per_second": per_second} | sample | rates


def joined(rounds: Sequence[Measured]) -> Measured:
    """One row of several rounds: medians, the least and the most; that of a failure if all failed."""
    good = [each for each in rounds if "failed" not in each]
    if not good:
        return rounds[0] if rounds else {"failed": "not measured"}
    numbers = [name for name, value in good[0].items() if isinstance(value, float)]
    medians = {name: statistics.median(each[name] for each in good) for name in numbers}
    least, most = min(each["least"] for each in good), max(each["most"] for each in good)
    return good[0] | medians | {"least": least, "most": most}


def line(name: str, row: Measured, reference: Measured, matrix: float | None) -> tuple[str, ...]:
    """A row of the table.

    Args:
        reference: the row that it is compared with, in time and in losses.
        matrix: TFLOP/s of the chip.
    """
    if "failed" in row:
        return (name, row["failed"], *[""] * (len(HEADER) - 2))
    ratio = "" if "failed" in reference else f"{reference['ms'] / row['ms']:.2f}×"
    least = "" if "failed" in reference else f"{reference['least'] / row['least']:.2f}×"
    share = "" if matrix is None else f"{row['executed_tflops'] / matrix:.0%}"
    return (
        name,
        f"{row['ms']:.1f}",
        f"{row['least']:.1f} – {row['most']:.1f}",
        f"{row['samples_per_second']:.1f}",
        ratio,
        least,
        f"{row['nominal_tflops']:.3g}",
        f"{row['executed_tflops']:.3g}",
        share,
        f"{row['peak_gb']:.1f}",
        compared(row, reference),
    )


def fastest(machine: Measured, again: Measured) -> Measured:
    """A machine with the higher of two measurements of its rates: others may have used it meanwhile."""
    return machine | {
        name: max(value, machine.get(name, value)) if isinstance(value, float) else value
        for name, value in again.items()
    }


def compared(row: Measured, reference: Measured) -> str:
    """Whether the first losses are those of the reference, in words."""
    if "failed" in reference:
        return "not compared"
    first, *_, last = (
        abs(a - b) / max(1.0, abs(b)) for a, b in zip(row["losses"], reference["losses"], strict=True)
    )
    if first > _SAME or last > _LATER:
        return f"**differ by {first:.2g}, {last:.2g}**"
    return f"same to {first:.0e}, {last:.0e}"
