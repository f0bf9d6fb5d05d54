"""The table of paired comparisons, and in words how they were made."""

from __future__ import annotations

from dataclasses import dataclass

from pcrl.evaluation.records.results import Comparison, Results
from pcrl.evaluation.report.numbers import interval, number, p_value, titled
from pcrl.evaluation.report.tables.headline import decimals, metric_of
from pcrl.evaluation.statistics.bootstrap import FEWEST_PATIENTS
from pcrl.evaluation.statistics.paired import FEWEST_TO_TEST

_METHOD = (
    "Arms are compared on the same test patients. Scores are averaged over seeds first, so that the patient is the "
    "unit of analysis. Intervals are 95 % bootstrap intervals over patients; p is two-sided, from a permutation "
    "test that swaps the arms within patients (for a mean over patients: flips the signs of their differences). "
    "There is no correction for multiple comparisons."
)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A comparison as it is shown; `favours` is the arm that is better, empty where the interval holds 0."""

    label: str
    metric: str
    arm: str
    minus: str
    difference: str
    exact: float
    interval: str
    p: str
    patients: int
    favours: str


def compared(results: Results) -> list[ComparisonRow]:
    """All comparisons, in their order."""
    return [_row(results, each) for each in results.comparisons]


def explained(results: Results) -> list[str]:
    """How the comparisons were made, and why some have no interval or no p."""
    if not results.comparisons:
        return ["There is nothing to compare: " + ("one arm." if len(results.arms) < 2 else "no pairs.")]
    sentences = [_METHOD]
    fewest = min(each.patients for each in results.comparisons)
    if fewest < FEWEST_PATIENTS:
        sentences.append(
            f"Below {FEWEST_PATIENTS} patients no interval is given: a bootstrap of so few patients gives intervals "
            "that are too narrow."
        )
    if fewest < FEWEST_TO_TEST:
        sentences.append(
            f"Below {FEWEST_TO_TEST} patients no p is given: five patients can be swapped in only 32 ways, so that a "
            "two-sided p could never fall below 0.05."
        )
    return sentences


def _row(results: Results, each: Comparison) -> ComparisonRow:
    metric = metric_of(results, each.metric)
    places = decimals(results, each.metric)
    favours = ""
    if each.interval is not None and (min(each.interval) > 0 or max(each.interval) < 0):
        higher = each.arm if min(each.interval) > 0 else each.minus
        lower = each.minus if higher == each.arm else each.arm
        favours = higher if metric.better == "higher" else lower
    return ComparisonRow(
        label=each.label,
        metric=titled(metric),
        arm=each.arm,
        minus=each.minus,
        difference=number(each.difference, places, sign=True),
        exact=each.difference,
        interval=interval(each.interval, places, sign=True),
        p=p_value(each.p),
        patients=each.patients,
        favours=favours,
    )
