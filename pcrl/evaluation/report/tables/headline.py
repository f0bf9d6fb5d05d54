"""The headline table: a row for each label and metric, a column for each arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pcrl.evaluation.records.results import Comparison, Metric, Results, Row
from pcrl.evaluation.report.numbers import counts_in_words, decimals_for, interval, number, titled

LEVEL = 0.05
_ARROWS = {"higher": "↑", "lower": "↓"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm's score as it is shown.

    Args:
        exact: all digits, for machines.
        counts: what stands behind it, where arms differ in that.
        better_than: arms that this one, the best of its row, is better than with p (Holm) below 0.05.
    """

    value: str
    exact: float | None
    sd: str = ""
    interval: str = ""
    counts: str = ""
    better_than: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadlineRow:
    """A label's metric over all arms; `main` if it is the end point, `better` in words and as an arrow."""

    label: str
    metric: str
    better: str
    arrow: str
    main: bool
    cells: tuple[Cell, ...]
    patients: str
    counts: str


def metric_of(results: Results, name: str) -> Metric:
    """The metric of a row; one without title where the evaluation does not list it."""
    return next((metric for metric in results.metrics if metric.name == name), Metric(name=name, title=name))


def decimals(results: Results, metric: str) -> int:
    """Decimals of all scores of a metric."""
    return decimals_for(row.value for arm in results.arms for row in arm.rows if row.metric == metric)


def rows_of(results: Results, label: str, metric: str) -> list[Row | None]:
    """Row of each arm, none where an arm lacks it."""
    return [
        next((row for row in arm.rows if (row.label, row.metric) == (label, metric)), None)
        for arm in results.arms
    ]


def headline(results: Results, *, details: bool = False) -> list[HeadlineRow]:
    """Rows in the order in which the arms give them.

    Args:
        details: of those metrics that are shown after the others; otherwise of the others.
    """
    keys = dict.fromkeys((row.label, row.metric) for arm in results.arms for row in arm.rows)
    metrics = {name: metric_of(results, name) for _, name in keys}
    return [_row(results, label, metrics[name]) for label, name in keys if metrics[name].detail == details]


def definitions(results: Results) -> list[tuple[str, str]]:
    """Title of each metric, and what it is; of those that say so."""
    return [(titled(metric), metric.definition) for metric in results.metrics if metric.definition]


def _row(results: Results, label: str, metric: Metric) -> HeadlineRow:
    rows = rows_of(results, label, metric.name)
    present = [row for row in rows if row is not None]
    best, worse = _best(results, rows, label, metric)
    places = decimals(results, metric.name)
    nearer = metric.better == "nearer" and metric.ideal is not None
    counts = {counts_in_words(row.counts) for row in present}
    same = counts.pop() if len(counts) == 1 else ""
    return HeadlineRow(
        label=label,
        metric=titled(metric),
        better=f"the nearer to {metric.ideal:g} the better" if nearer else f"{metric.better} is better",
        arrow=f"→ {metric.ideal:g}" if nearer else _ARROWS.get(metric.better, ""),
        main=metric.main and not any(row.beside for row in present),
        cells=tuple(_cell(row, places, worse if n == best else (), same) for n, row in enumerate(rows)),
        patients=_span([row.patients for row in present]),
        counts=same,
    )


def _cell(row: Row | None, places: int, worse: tuple[str, ...], same: str) -> Cell:
    if row is None:
        return Cell("", None)
    sd = "" if row.sd is None else number(row.sd, places)
    counts = "" if same else counts_in_words(row.counts)
    return Cell(number(row.value, places), row.value, sd, interval(row.interval, places), counts, worse)


def _best(
    results: Results, rows: Sequence[Row | None], label: str, metric: Metric
) -> tuple[int, tuple[str, ...]]:
    """Which arm has the best value, and the arms than which it is surely better: −1 and none if there is none."""
    if metric.better not in _ARROWS:
        return -1, ()
    sign = 1 if metric.better == "higher" else -1
    values = {n: sign * row.value for n, row in enumerate(rows) if row is not None and row.value is not None}
    if len(values) < 2:
        return -1, ()
    best = max(values, key=lambda n: values[n])
    name, worse = results.arms[best].name, []
    for each in results.comparisons:
        if (each.label, each.metric) == (label, metric.name) and favoured(each, metric) == name:
            worse.append(each.minus if each.arm == name else each.arm)
    return best, tuple(worse)


def favoured(comparison: Comparison, metric: Metric) -> str:
    """The better arm, where that is more than chance after the correction; else nothing."""
    if comparison.p_holm is None or comparison.p_holm >= LEVEL:
        return ""
    higher = comparison.difference > 0
    return comparison.arm if higher == (metric.better == "higher") else comparison.minus


def _span(counts: Sequence[int]) -> str:
    if not counts:
        return ""
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low}–{high}"
