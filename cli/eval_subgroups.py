"""How the scores of subgroups are shown in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from .console import console

if TYPE_CHECKING:
    from pcrl.evaluation.records.results import Results

MEAN = "mean"


def show_subgroups(results: Results, title: str) -> None:
    """A row for each arm and group: images, patients, and the score of the mean over labels, or of the only label.

    Args:
        title: what holds for every number.
    """
    rows = results.subgroups
    if not rows:
        return
    labels = list(dict.fromkeys(row.label for row in rows))
    shown = MEAN if MEAN in labels else labels[0]
    parts = len({row.part for row in rows}) > 1
    head = ("arm", *["set"] * parts, "by", "group", "images", "patients", shown)
    table = Table(*head, title=f"{results.main.title} of subgroups — {title}", title_justify="left")
    for row in (row for row in rows if row.label == shown):
        value = "undefined" if row.value is None else f"{row.value:.3f}"
        if row.interval is not None:
            value += f" [{row.interval[0]:.3f}–{row.interval[1]:.3f}]"
        named = (row.arm, *[row.part] * parts, row.variable, row.group)
        table.add_row(*named, str(row.images), str(row.patients), value)
    console.print(table)
    console.print(
        "Undefined: fewer than five patients have the finding, or do not have it; a mean, where one of its labels is. "
        "Every label, and why a score has no interval, is in subgroups.csv."
    )
