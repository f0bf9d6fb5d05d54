"""The table of paired comparisons, and in words how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pcrl.evaluation.records.results import Comparison, Metric, Results
from pcrl.evaluation.report.numbers import interval, number, p_value, titled
from pcrl.evaluation.report.tables.headline import decimals, favoured, metric_of
from pcrl.evaluation.statistics.inference.estimate import ONE_TRAINING

_METHOD = (
    "Arms are compared on the same test patients, seed by seed: trainings with the same seed have the same labelled "
    "patients. Intervals (95 %) and p (two-sided) are over patients and seeds, both of which would be others another "
    "time. p (Holm) is corrected for all comparisons {}; an arm is favoured where it is below 0.05."
)
_ONE = (
    "Arms are compared on the same test patients, each with one training. Two trainings of the same arm with other "
    "seeds differ too, and one training of each arm cannot tell by how much: differences of this size come by "
    "chance. There is no interval and no p; train with several seeds (--seeds 3 or more)."
)
_BESIDE = (
    "Comparisons on a further test set are a family of their own: they do not count in the correction of the end "
    "point's test set, nor it in theirs."
)
_MEDIANS = (
    "Of a metric whose median is reported, the difference is the median of the patients' differences, not the "
    "difference of the medians."
)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A comparison as it is shown; `favours` is the arm that is better, empty where p (Holm) is not below 0.05."""

    label: str
    metric: str
    arm: str
    minus: str
    difference: str
    exact: float
    by_seed: str
    interval: str
    p: str
    p_holm: str
    patients: int
    favours: str
    why: str


def compared(results: Results) -> list[ComparisonRow]:
    """All comparisons, in their order."""
    return [
        comparison_row(each, metric_of(results, each.metric), decimals(results, each.metric))
        for each in results.comparisons
    ]


def explained(results: Results) -> list[str]:
    """How the comparisons were made."""
    if not results.comparisons:
        return ["There is nothing to compare: " + ("one arm." if len(results.arms) < 2 else "no pairs.")]
    beside = any(each.beside for each in results.comparisons)
    sentences = how(results.comparisons, f"of {'the same test set in ' * beside}this table")
    if beside:
        sentences.append(_BESIDE)
    if any(metric_of(results, each.metric).summary == "median" for each in results.comparisons):
        sentences.append(_MEDIANS)
    return sentences


def how(comparisons: Sequence[Comparison], family: str) -> list[str]:
    """What was compared: one training of each arm, or several; `family` says what was corrected for."""
    return [_METHOD.format(family) if any(len(each.by_seed) > 1 for each in comparisons) else _ONE]


def comparison_row(each: Comparison, metric: Metric, places: int) -> ComparisonRow:
    """As it is shown."""
    return ComparisonRow(
        label=each.label,
        metric=titled(metric),
        arm=each.arm,
        minus=each.minus,
        difference=number(each.difference, places, sign=True),
        exact=each.difference,
        by_seed=", ".join(number(value, places, sign=True) for value in each.by_seed.values()),
        interval=interval(each.interval, places, sign=True),
        p=p_value(each.p),
        p_holm=p_value(each.p_holm),
        patients=each.patients,
        favours=favoured(each, metric) or ("neither" if each.p_holm is not None else ""),
        why=each.why or (ONE_TRAINING if len(each.by_seed) < 2 else ""),
    )
