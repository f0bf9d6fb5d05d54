"""How the scores of subgroups are shown in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from .console import console

if TYPE_CHECKING:
    from pcrl.evaluation.records.results import Results

MEAN, MOST_LABELS = "mean", 6
"""Labels, with their mean, that a line has room for."""


def show_subgroups(results: Results, title: str) -> None:
    """A row for each arm and group: images, patients, and the score of each label, or of their mean alone.

    Args:
        title: what holds for every number.
    """
    rows = results.subgroups
    if not rows:
        return
    labels = list(dict.fromkeys(row.label for row in rows))
    shown = labels if len(labels) <= MOST_LABELS else [MEAN]
    parts = len({row.part for row in rows}) > 1
    head = ["arm", *["set"] * parts, "by", "group", "images", "patients", *shown]
    table = Table(*head, title=f"{results.main.title} of subgroups — {title}", title_justify="left")
    grouped: dict[tuple[str, ...], dict[str, str]] = {}
    counts: dict[tuple[str, ...], tuple[str, str]] = {}
    for row in rows:
        key = (row.arm, *[row.part] * parts, row.variable, row.group)
        value = "undefined" if row.value is None else f"{row.value:.3f}"
        if row.interval is not None:
            value += f" [{row.interval[0]:.3f}–{row.interval[1]:.3f}]"
        grouped.setdefault(key, {})[row.label] = value
        counts[key] = str(row.images), str(row.patients)  # The last row of a group is that of all its labels.
    for key, values in grouped.items():
        table.add_row(*key, *counts[key], *(values.get(label, "") for label in shown))
    console.print(table)
    console.print(
        "Undefined: fewer than five patients have the finding, or do not have it; a mean, where one of its labels is."
        + f" All {len(labels)} labels are in subgroups.csv." * (shown == [MEAN])
    )
