"""The table of subgroups: a row for each group and label, a column for each arm; and why some have no interval."""

from __future__ import annotations

from dataclasses import dataclass

from pcrl.evaluation.records.results import Results, Subgroup
from pcrl.evaluation.report.numbers import decimals_for, interval, number, titled
from pcrl.evaluation.report.tables.headline import metric_of
from pcrl.evaluation.report.tables.seeds import by_reason


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A label's score in one group, of every arm.

    Args:
        cells: shown value, exact value, and interval, of each arm.
        counts: positives and negatives; empty of a mean.
    """

    part: str
    variable: str
    group: str
    label: str
    metric: str
    cells: tuple[tuple[str, float | None, str], ...]
    images: int
    patients: int
    counts: str


def subgroup_table(results: Results) -> list[GroupRow]:
    """All of them, in their order."""
    rows: dict[tuple[str, ...], dict[str, Subgroup]] = {}
    for one in results.subgroups:
        rows.setdefault((one.part, one.variable, one.group, one.label, one.metric), {})[one.arm] = one
    places = decimals_for(one.value for one in results.subgroups)
    return [_row(results, by_arm, places) for by_arm in rows.values()]


def groups_without_interval(results: Results) -> list[str]:
    """Reasons for which scores have no interval, each with the groups and labels that it holds for."""
    several = len({one.part for one in results.subgroups}) > 1
    return by_reason(
        (one.why, f"{one.variable} {one.group}, {one.label}" + f" ({one.part})" * several)
        for one in results.subgroups
    )


def _row(results: Results, by_arm: dict[str, Subgroup], places: int) -> GroupRow:
    one = next(iter(by_arm.values()))
    cells = []
    for arm in results.arms:
        own = by_arm.get(arm.name)
        value = own.value if own else None
        cells.append((number(value, places), value, interval(own.interval if own else None, places)))
    counts = "" if one.positives is None else f"{one.positives} positives, {one.negatives} negatives"
    metric = titled(metric_of(results, one.metric))
    return GroupRow(
        one.part, one.variable, one.group, one.label, metric, tuple(cells), one.images, one.patients, counts
    )
