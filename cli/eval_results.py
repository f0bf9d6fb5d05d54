"""How the scores of an evaluation are shown in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from pcrl.evaluation.report.numbers import counts_in_words, titled
from pcrl.listing import counted

from .console import console
from .eval_subgroups import show_subgroups

BEHIND = ("undefined", "predictions", "missed entirely", "found where there is none", "both empty")
"""Counts without which a score would be misread; others, such as positives, are in the report."""

if TYPE_CHECKING:
    from pcrl.evaluation.records.results import ArmResult, Comparison, Metric, Results, Row


def show_results(results: Results) -> None:
    """A row for each arm and label, the comparisons, and what should be known of the numbers."""
    elsewhere = f" (external test; trained on {results.trained_on})" if results.trained_on else ""
    title = f"{results.dataset}{elsewhere}: {labelled(results)}"
    if results.protocol.get("freeze"):
        title += ", encoder frozen"
    title += restrictions(results.transductive, results.virtual)
    metrics = [metric for metric in results.metrics if not metric.detail]
    columns = [titled(metric) for metric in metrics]
    table = Table("arm", "label", *columns, title=title, title_justify="left")
    for arm in results.arms:
        labels = list(dict.fromkeys(row.label for row in arm.rows))
        for label in labels:
            cells = [_cell(_row(arm, label, metric), metric) for metric in metrics]
            table.add_row(arm.name, label, *cells, end_section=label == labels[-1])
    console.print(table)
    for comparison in results.comparisons:
        if comparison.metric == results.main.name and comparison.label in (
            "mean",
            results.arms[0].rows[0].label,
        ):
            console.print(sentence(comparison, results.main))
    if details := [titled(metric) for metric in results.metrics if metric.detail]:
        console.print(f"In report.html and scores.csv: {', '.join(details)}.")
    show_subgroups(results, title)
    rows = [row for arm in results.arms for row in arm.rows]
    if any(row.sd is not None for row in rows):
        console.print("±: standard deviation over test patients; seeds are averaged first.")
    if any(row.interval for row in rows):
        several = any(len(row.by_seed) > 1 for row in rows)
        over = "test patients and seeds" if several else "test patients, of this one training"
        console.print(f"In brackets: 95 % confidence intervals, over {over}.")
    shown = [row for row in rows if row.metric == results.main.name]
    whole = [row for row in shown if row.label == "mean"] or shown
    for why in dict.fromkeys(row.why for row in whole if row.why):
        console.print(f"{results.main.title} without an interval: {why}.")


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
    behind = counts_in_words({name: row.counts[name] for name in BEHIND if name in row.counts})
    if row.value is None:
        return f"undefined ({behind})" if behind else "undefined"
    digits = 1 if metric.unit == "mm" else 3
    text = f"{row.value:.{digits}f}"
    if row.sd is not None:
        text += f" ± {row.sd:.{digits}f}"
    if row.interval is not None:
        text += f" [{row.interval[0]:.{digits}f}–{row.interval[1]:.{digits}f}]"
    return f"{text} ({behind})" if behind else text


def sentence(comparison: Comparison, metric: Metric) -> str:
    """A difference of two arms, its interval and p, or why it has none."""
    text = f"{metric.title} of {comparison.label}, {comparison.arm} − {comparison.minus}: {comparison.difference:+.3f}"
    if comparison.interval:
        text += f", 95 % interval {comparison.interval[0]:+.3f} to {comparison.interval[1]:+.3f}"
    if comparison.p is not None:
        text += f", {_p('p', comparison.p)}"
    if comparison.p_holm is not None:
        text += f", {_p('p (Holm)', comparison.p_holm)}"
    drawn = f"{comparison.patients} patients, {counted(len(comparison.by_seed), 'seed')}"
    return text + f" ({drawn})" + (f": {comparison.why}" if comparison.why else "")


def _p(name: str, value: float) -> str:
    return f"{name} < 0.001" if value < 0.001 else f"{name} = {value:.3f}"
