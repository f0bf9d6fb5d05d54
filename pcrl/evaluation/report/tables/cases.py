"""Tables of single cases and of labels."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from pcrl.evaluation.records.results import ArmResult, CaseRow, Results, Row
from pcrl.evaluation.report.numbers import counts_in_words, decimals_for, interval, number, titled, with_unit
from pcrl.evaluation.report.tables.headline import decimals, metric_of

MOST_ROWS = 2000
"""Rows that the page shows at most; the CSV has all."""
Value = tuple[str, float | None]
"""As shown, and exact."""


@dataclass(frozen=True, slots=True)
class CaseTable:
    """Cases of all arms.

    Args:
        metrics: titles of the columns of values.
        rows: arm, case, values; the first `MOST_ROWS` of `total`.
        virtual: whether any case is virtual.
    """

    metrics: list[str]
    rows: list[tuple[str, CaseRow, list[Value]]]
    total: int
    virtual: bool


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A metric of a label of one arm: over all patients, and of its single cases.

    Args:
        median, worst, best: of the cases; dashes where cases have no such metric.
        undefined: cases without a value.
    """

    label: str
    arm: str
    metric: str
    value: Value
    interval: str
    median: Value
    worst: Value
    best: Value
    cases: int
    undefined: int
    counts: str


def case_table(results: Results) -> CaseTable:
    """Cases in the order of the arms."""
    rows = [(arm.name, case) for arm in results.arms for case in arm.cases]
    names = list(dict.fromkeys(name for _, case in rows for name in case.values))
    places = {name: _places(case.values.get(name) for _, case in rows) for name in names}
    shown = [
        (arm, case, [_value(case.values.get(name), places[name]) for name in names])
        for arm, case in rows[:MOST_ROWS]
    ]
    titles = [with_unit(metric_of(results, name)) for name in names]
    return CaseTable(titles, shown, len(rows), any(case.virtual for _, case in rows))


def label_table(results: Results) -> list[LabelRow]:
    """A row for each label, metric and arm, arms below each other."""
    keys = dict.fromkeys((row.label, row.metric) for arm in results.arms for row in arm.rows)
    grouped = {arm.name: _by_label(arm) for arm in results.arms}
    return [
        _label_row(results, arm, row, grouped[arm.name][label])
        for label, metric in keys
        for arm in results.arms
        for row in arm.rows
        if (row.label, row.metric) == (label, metric)
    ]


def _by_label(arm: ArmResult) -> dict[str, list[CaseRow]]:
    grouped: dict[str, list[CaseRow]] = defaultdict(list)
    for case in arm.cases:
        grouped[case.label].append(case)
    return grouped


def _label_row(results: Results, arm: ArmResult, row: Row, cases: Sequence[CaseRow]) -> LabelRow:
    metric = metric_of(results, row.metric)
    given = [case.values[row.metric] for case in cases if row.metric in case.values]
    values = sorted(value for value in given if value is not None and math.isfinite(value))
    places = decimals(results, row.metric)
    low, high = (values[0], values[-1]) if values else (None, None)
    worst, best = (low, high) if metric.better == "higher" else (high, low)
    return LabelRow(
        label=row.label,
        arm=arm.name,
        metric=titled(metric),
        value=_value(row.value, places),
        interval=interval(row.interval, places),
        median=_value(median(values) if values else None, places),
        worst=_value(worst, places),
        best=_value(best, places),
        cases=len(given),
        undefined=len(given) - len(values),
        counts=counts_in_words(row.counts),
    )


def _places(values: Iterable[float | None]) -> int:
    """Decimals of a column; none if all are counts."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return 0 if all(value == int(value) for value in finite) else decimals_for(finite)


def _value(value: float | None, places: int) -> Value:
    return number(value, places), value
