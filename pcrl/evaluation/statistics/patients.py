"""Metrics that a single case has: from cases to patients, rows of a table and paired comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import CaseRow, Comparison, Row
from pcrl.evaluation.statistics.inference.comparisons import comparison, row_of
from pcrl.evaluation.statistics.inference.estimate import (
    Estimate,
    Range,
    difference,
    median_difference,
    median_score,
    score,
)

MEAN = "mean"
"""Label of the mean over all labels."""
Summary = Literal["mean", "median"]
_FEWEST_FOR_SPREAD = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One test case in one training: its values, (labels,) of each metric, NaN where undefined."""

    case: str
    patient: str
    virtual: bool
    replicate: Replicate
    values: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class PatientValues:
    """Values of a metric, (seeds, patients), NaN where undefined: the mean over the cases of a patient."""

    seeds: tuple[int, ...]
    patients: tuple[str, ...]
    values: NDArray[np.float64]

    def complete(self) -> NDArray[np.float64]:
        """Of the patients who have a value with every seed, (seeds, patients)."""
        return self.values[:, ~np.isnan(self.values).any(axis=0)]


def of_patients(measured: Sequence[Measured], metric: str, label: int | None) -> PatientValues:
    """Values of one arm, folds of a seed together.

    Args:
        label: its number; none for the mean over labels of a case, as far as they are defined.
    """
    seeds = sorted({one.replicate.seed for one in measured})
    patients = sorted({one.patient for one in measured})
    column, row = {name: n for n, name in enumerate(patients)}, {seed: n for n, seed in enumerate(seeds)}
    sums, counts = np.zeros((len(seeds), len(patients))), np.zeros((len(seeds), len(patients)))
    for one in measured:
        value = _value(one, metric, label)
        if not np.isnan(value):
            sums[row[one.replicate.seed], column[one.patient]] += value
            counts[row[one.replicate.seed], column[one.patient]] += 1
    values = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=values, where=counts > 0)
    return PatientValues(tuple(seeds), tuple(patients), values)


def rows(
    measured: Sequence[Measured],
    labels: Sequence[str],
    metric: str,
    summary: Summary = "mean",
    limits: Range | None = None,
) -> list[Row]:
    """A row for each label, and for their mean where there are several.

    Args:
        summary: what is taken over patients.
        limits: between which values of the metric lie.
    """
    result = []
    for label, name in _numbered(labels):
        of = of_patients(measured, metric, label)
        values = of.complete()
        known: Estimate | None = None
        if values.shape[1]:
            known = (
                median_score(values, limits)
                if summary == "median"
                else score(values.mean(axis=1), values, limits)
            )
        undefined = len(of.patients) - values.shape[1]
        counts = {"undefined": undefined} if undefined else {}
        spread = values.mean(axis=0)
        has_spread = summary == "mean" and len(spread) >= _FEWEST_FOR_SPREAD
        sd = float(spread.std(ddof=1)) if has_spread else None
        result.append(row_of((name, metric), known, of.seeds, len(spread), counts, sd))
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
    arms: Mapping[str, Sequence[Measured]], labels: Sequence[str], metrics: Mapping[str, Summary]
) -> list[Comparison]:
    """The first arm against each other, over the patients and labels for whom a metric is defined in both.

    Args:
        metrics: metric → what is taken over the patients' differences.
    """
    first, *others = arms
    result = []
    for other in others:
        for metric, summary in metrics.items():
            for label, name in _numbered(labels):
                chosen = range(len(labels)) if label is None else (label,)
                seeds, gaps = _differences(arms[first], arms[other], metric, chosen)
                if not gaps.shape[1]:
                    continue
                known = (
                    median_difference(gaps) if summary == "median" else difference(gaps.mean(axis=1), gaps)
                )
                result.append(comparison((first, other), (name, metric), known, seeds, gaps.shape[1]))
    return result


def _differences(
    first: Sequence[Measured], second: Sequence[Measured], metric: str, labels: Sequence[int]
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Seeds, and differences (seeds, patients) of the patients who have one with every seed.

    Of each patient, the mean over those labels that both arms have: an arm that misses one is not let off it.
    """
    gaps = []
    seeds: tuple[int, ...] = ()
    for label in labels:
        ones, others = (of_patients(arm, metric, label) for arm in (first, second))
        seeds = tuple(seed for seed in ones.seeds if seed in others.seeds)
        patients = tuple(name for name in ones.patients if name in set(others.patients))
        gaps.append(_chosen(ones, seeds, patients) - _chosen(others, seeds, patients))
    known = ~np.isnan(gaps)
    count = known.sum(axis=0)
    mean = np.full(count.shape, np.nan)
    np.divide(np.where(known, gaps, 0.0).sum(axis=0), count, out=mean, where=count > 0)
    return seeds, mean[:, ~np.isnan(mean).any(axis=0)]


def _chosen(of: PatientValues, seeds: Sequence[int], patients: Sequence[str]) -> NDArray[np.float64]:
    return of.values[np.ix_([of.seeds.index(s) for s in seeds], [of.patients.index(p) for p in patients])]


def _numbered(labels: Sequence[str]) -> list[tuple[int | None, str]]:
    numbered: list[tuple[int | None, str]] = list(enumerate(labels))
    return [*numbered, (None, MEAN)] if len(labels) > 1 else numbered


def _value(one: Measured, metric: str, label: int | None) -> float:
    values = one.values[metric]
    return _mean(values.tolist()) if label is None else float(values[label])


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
