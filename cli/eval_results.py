"""How the scores of an evaluation are shown in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from pcrl.listing import counted

from .console import console
from .eval_subgroups import show_subgroups

if TYPE_CHECKING:
    from pcrl.evaluation.records.results import ArmResult, Comparison, Metric, Results, Row


def show_results(results: Results) -> None:
    """A row for each arm and label, the comparisons, and what should be known of the numbers."""
    title = f"{results.dataset}: {labelled(results)}"
    if results.protocol.get("freeze"):
        title += ", encoder frozen"
    title += restrictions(results.transductive, results.virtual)
    columns = [f"{metric.title}{f' {metric.unit}' * bool(metric.unit)}" for metric in results.metrics]
    table = Table("arm", "label", *columns, title=title, title_justify="left")
    for arm in results.arms:
        labels = list(dict.fromkeys(row.label for row in arm.rows))
        for label in labels:
            cells = [_cell(_row(arm, label, metric), metric) for metric in results.metrics]
            table.add_row(arm.name, label, *cells, end_section=label == labels[-1])
    console.print(table)
    for comparison in results.comparisons:
        if comparison.metric == results.main.name and comparison.label in (
            "mean",
            results.arms[0].rows[0].label,
        ):
            console.print(_sentence(comparison, results.main))
    show_subgroups(results, title)
    rows = [row for arm in results.arms for row in arm.rows]
    if any(row.sd is not None for row in rows):
        console.print("±: standard deviation over test patients; seeds are averaged first.")
    if any(row.interval for row in rows):
        console.print("In brackets: 95 % confidence intervals, from a bootstrap over test patients.")
    else:
        console.print(
            f"Only {counted(results.test_patients, 'test patient')}: too few for confidence intervals, or for "
            "conclusions about quality."
        )


def labelled(results: Results) -> str:
    """How many labelled patients were used in all, and for what."""
    trained = counted(results.training_patients, "training patient")
    if results.labelled_patients is None:
        return trained
    return (
        f"{counted(results.labelled_patients, 'labelled patient')} in all "
        f"({results.training_patients} to train, {results.validation_patients} to validate)"
    )


def restrictions(transductive: bool, virtual: int) -> str:
    """Restrictions that hold for every number of a table, to be put behind its title."""
    text = " — TRANSDUCTIVE: pre-training saw test patients" if transductive else ""
    if virtual:
        text += f" — {virtual} virtual or synthetic test cases: not a measure of quality on real patients"
    return text


def _row(arm: ArmResult, label: str, metric: Metric) -> Row | None:
    return next((row for row in arm.rows if row.label == label and row.metric == metric.name), None)


def _cell(row: Row | None, metric: Metric) -> str:
    if row is None:
        return ""
    if row.value is None:
        return "undefined"
    digits = 1 if metric.unit == "mm" else 3
    text = f"{row.value:.{digits}f}"
    if row.sd is not None:
        text += f" ± {row.sd:.{digits}f}"
    if row.interval is not None:
        text += f" [{row.interval[0]:.{digits}f}–{row.interval[1]:.{digits}f}]"
    if undefined := row.counts.get("undefined"):
        text += f" ({undefined} undefined)"
    return text


def _sentence(comparison: Comparison, metric: Metric) -> str:
    text = f"{metric.title} of {comparison.label}, {comparison.arm} − {comparison.minus}: {comparison.difference:+.3f}"
    if comparison.interval:
        text += f", 95 % interval {comparison.interval[0]:+.3f} to {comparison.interval[1]:+.3f}"
    if comparison.p is not None:
        text += ", p < 0.001" if comparison.p < 0.001 else f", p = {comparison.p:.3f}"
    return text + f" ({comparison.patients} patients)"
