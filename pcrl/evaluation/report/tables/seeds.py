"""The score of every seed, and why some scores have no interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pcrl.evaluation.records.results import Results
from pcrl.evaluation.report.numbers import number, titled
from pcrl.evaluation.report.tables.headline import decimals, metric_of

Value = tuple[str, float | None]
"""As shown, and exact."""


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A metric of a label of one arm, with every seed, and their mean."""

    label: str
    metric: str
    arm: str
    values: list[Value]
    mean: Value


def seeds_of(results: Results) -> list[int]:
    """All seeds that were trained with."""
    return sorted({run.seed for arm in results.arms for run in arm.runs})


def seed_table(results: Results) -> list[SeedRow]:
    """A row for each label, metric and arm; none with one seed, whose score is that of the arm."""
    seeds = seeds_of(results)
    if len(seeds) < 2:
        return []
    keys = dict.fromkeys((row.label, row.metric) for arm in results.arms for row in arm.rows)
    table = []
    for label, name in keys:
        places = decimals(results, name)
        for arm in results.arms:
            for row in arm.rows:
                if (row.label, row.metric) != (label, name) or not row.by_seed:
                    continue
                values = [row.by_seed.get(seed) for seed in seeds]
                shown = [(number(value, places), value) for value in values]
                mean = (number(row.value, places), row.value)
                table.append(SeedRow(label, titled(metric_of(results, name)), arm.name, shown, mean))
    return table


def without_interval(results: Results) -> list[str]:
    """Reasons for which scores have no interval, each with the scores that it holds for."""
    return by_reason(
        (row.why, f"{metric_of(results, row.metric).title} of {row.label}")
        for arm in results.arms
        for row in arm.rows
    )


def by_reason(scores: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence for each reason, of (reason, score); what has no reason is left out."""
    reasons: dict[str, dict[str, None]] = {}
    for reason, score in scores:
        if reason:
            reasons.setdefault(reason, {})[score] = None
    return [f"{', '.join(named)}: {reason}." for reason, named in reasons.items()]
