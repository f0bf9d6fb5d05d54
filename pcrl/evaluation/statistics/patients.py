"""Metrics that a single case has: from cases to patients, rows of a table and paired comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import CaseRow, Comparison, Row
from pcrl.evaluation.statistics.summaries import BY_MEAN, Summary

MEAN = "mean"
"""Label of the mean over all labels."""
_FEWEST_FOR_SPREAD = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One test case in one training: its values, (labels,) of each metric, NaN where undefined."""

    case: str
    patient: str
    virtual: bool
    replicate: Replicate
    values: Mapping[str, NDArray[np.float64]]


Patients = dict[str, float]
"""Patient → value of one metric and label; patients for whom it is not defined are left out."""


def of_patients(measured: Iterable[Measured], metric: str, label: int | None) -> Patients:
    """The mean of each patient's cases, averaged over seeds first.

    Args:
        label: its number; none for the mean over labels of a case, as far as they are defined.
    """
    cases: dict[tuple[str, str], list[float]] = {}
    for one in measured:
        cases.setdefault((one.patient, one.case), []).append(_value(one, metric, label))
    patients: dict[str, list[float]] = {}
    for (patient, _), values in cases.items():
        patients.setdefault(patient, []).append(_mean(values))
    means = {patient: _mean(values) for patient, values in sorted(patients.items())}
    return {patient: value for patient, value in means.items() if not np.isnan(value)}


def rows(
    measured: Sequence[Measured], labels: Sequence[str], metric: str, summary: Summary = BY_MEAN
) -> list[Row]:
    """A row for each label, and for their mean where there are several; `summary` says what stands for all patients."""
    result = []
    for label, name in _numbered(labels):
        by_patient = of_patients(measured, metric, label)
        values = np.array(list(by_patient.values()))
        undefined = len({one.patient for one in measured}) - len(values)
        result.append(
            Row(
                label=name,
                metric=metric,
                value=summary.middle(values) if len(values) else None,
                sd=float(values.std(ddof=1))
                if summary.spread and len(values) >= _FEWEST_FOR_SPREAD
                else None,
                interval=summary.interval(values),
                patients=len(values),
                counts={"undefined": undefined} if undefined else {},
            )
        )
    return result


def case_rows(measured: Sequence[Measured], labels: Sequence[str]) -> list[CaseRow]:
    """A row for each case and label, averaged over seeds."""
    cases: dict[str, list[Measured]] = {}
    for one in measured:
        cases.setdefault(one.case, []).append(one)
    result = []
    for name, runs in cases.items():
        for label, title in enumerate(labels):
            means = {m: _mean([_value(run, m, label) for run in runs]) for m in runs[0].values}
            values = {metric: None if np.isnan(mean) else mean for metric, mean in means.items()}
            first = runs[0]
            result.append(
                CaseRow(case=name, patient=first.patient, virtual=first.virtual, label=title, values=values)
            )
    return result


def compare_first(
    arms: Mapping[str, Sequence[Measured]],
    labels: Sequence[str],
    metrics: Sequence[str],
    summaries: Mapping[str, Summary] | None = None,
) -> list[Comparison]:
    """The first arm against each other, over the patients and labels for whom a metric is defined in both.

    Args:
        summaries: metric → how its differences are summed up and tested; by their mean if it is not in there.
    """
    first, *others = arms
    result = []
    for other in others:
        for metric in metrics:
            summary = (summaries or {}).get(metric, BY_MEAN)
            for label, name in _numbered(labels):
                chosen = range(len(labels)) if label is None else (label,)
                differences = _differences(arms[first], arms[other], metric, chosen)
                if not len(differences):
                    continue
                result.append(
                    Comparison(
                        label=name,
                        metric=metric,
                        arm=first,
                        minus=other,
                        difference=summary.middle(differences),
                        interval=summary.interval(differences),
                        p=summary.p(differences),
                        patients=len(differences),
                    )
                )
    return result


def _differences(
    first: Sequence[Measured], second: Sequence[Measured], metric: str, labels: Iterable[int]
) -> NDArray[np.float64]:
    """Of each patient, the mean over those labels that both have: an arm that misses one is not let off it."""
    gaps: dict[str, list[float]] = {}
    for label in labels:
        ones, others = (of_patients(arm, metric, label) for arm in (first, second))
        for patient in sorted(ones.keys() & others.keys()):
            gaps.setdefault(patient, []).append(ones[patient] - others[patient])
    return np.array([_mean(gaps[patient]) for patient in sorted(gaps)])


def _numbered(labels: Sequence[str]) -> list[tuple[int | None, str]]:
    numbered: list[tuple[int | None, str]] = list(enumerate(labels))
    return [*numbered, (None, MEAN)] if len(labels) > 1 else numbered


def _value(one: Measured, metric: str, label: int | None) -> float:
    values = one.values[metric]
    return _mean(values.tolist()) if label is None else float(values[label])


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
