"""The end point, patient by patient: a strip for each arm, a line for each patient, the mean with its interval."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean, quantiles
from textwrap import wrap

from markupsafe import Markup

from pcrl.evaluation.records.results import ArmResult, Results
from pcrl.evaluation.report.figures.axes import Axis, linear
from pcrl.evaluation.report.figures.panel import Panel, clipped
from pcrl.evaluation.report.numbers import interval, number, titled
from pcrl.evaluation.report.tables.headline import decimals, rows_of

_STRIP, _STRIP_ALONE, _LEFT = 52, 32, 112
_ABOVE, _BELOW = -4, 15
"""Places of patients and scores in a strip."""
# More patients than these are a blur as lines, or as points: then there are points alone, or quartiles.
_MOST_LINES, _MOST_POINTS = 60, 400
Patients = Mapping[str, float]


def patients_figure(results: Results) -> list[Markup]:
    """A panel for each label that has the end point."""
    metric = results.main.name
    labels = dict.fromkeys(row.label for arm in results.arms for row in arm.rows if row.metric == metric)
    return [_panel(results, label) for label in labels]


def has_patients(results: Results) -> bool:
    """Whether single cases have the end point."""
    name = results.main.name
    return any(case.values.get(name) is not None for arm in results.arms for case in arm.cases)


def patient_values(arm: ArmResult, label: str, metric: str) -> dict[str, float]:
    """Mean over the cases of each patient in which the metric is defined."""
    grouped: dict[str, list[float]] = defaultdict(list)
    for case in arm.cases:
        value = case.values.get(metric)
        if case.label == label and value is not None and math.isfinite(value):
            grouped[case.patient].append(value)
    return {patient: fmean(values) for patient, values in grouped.items()}


def _panel(results: Results, label: str) -> Markup:
    metric = results.main
    rows = rows_of(results, label, metric.name)
    patients = [patient_values(arm, label, metric.name) for arm in results.arms]
    ends = [end for row in rows if row for end in (row.value, *(row.interval or ())) if end is not None]
    values = [*ends, *(value for each in patients for value in each.values())]
    arms = len(results.arms)
    y = Axis("", 0, max(arms, 1), ())
    strip, below = (_STRIP, _BELOW) if any(patients) else (_STRIP_ALONE, 0)
    panel = Panel(
        label, linear(values, titled(metric), within=metric.within), y, height=80 + strip * arms, left=_LEFT
    )
    if not values:
        panel.empty("not defined")
    if max(map(len, patients), default=0) <= _MOST_LINES:
        _pairs(panel, patients)
    said = []
    for n, arm in enumerate(results.arms):
        place = arms - n - 0.5
        lines = wrap(arm.name, 17)[:3] or [""]
        for line, text in enumerate(lines):
            panel.write(2, panel.down(place) + 4 + 12 * (line - (len(lines) - 1) / 2), clipped(text, 18))
        _points(panel, patients[n], place, n)
        row = rows[n]
        if row is None or row.value is None:
            said.append(f"{arm.name} not defined")
            continue
        places = decimals(results, metric.name)
        text = f"{arm.name} {number(row.value, places)}"
        if row.interval is not None:
            low, high = row.interval
            panel.segment((low, place), (high, place), "whisker", n, shift=below)
            text += f" ({interval(row.interval, places)})"
        panel.mark(row.value, place, n, text, size=5.5, shift=below)
        said.append(text)
    return panel.svg(f"{metric.title} of {label} by arm: {'; '.join(said)}.")


def _pairs(panel: Panel, patients: Sequence[Patients]) -> None:
    """Lines between the points of a patient in one arm and the next."""
    arms = len(patients)
    for n, (one, two) in enumerate(pairwise(patients)):
        for patient in (patient for patient in one if patient in two):
            start, end = (one[patient], arms - n - 0.5), (two[patient], arms - n - 1.5)
            panel.segment(start, end, "pair", shift=_ABOVE)


def _points(panel: Panel, patients: Patients, place: float, arm: int) -> None:
    if len(patients) > _MOST_POINTS:
        low, first, middle, third, high = _five(list(patients.values()))
        panel.segment((low, place), (high, place), "whisker", arm, shift=_ABOVE)
        panel.segment((first, place), (third, place), "box", arm, shift=_ABOVE)
        panel.mark(middle, place, arm, f"median {middle:.4g}", size=4, shift=_ABOVE, kind="hollow")
        return
    for patient, value in patients.items():
        panel.mark(value, place, arm, f"{patient}: {value:.4g}", size=3.6, shift=_ABOVE, kind="point")


def _five(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """5 %, lower quartile, median, upper quartile, 95 %."""
    cuts = quantiles(values, n=20)
    return cuts[0], cuts[4], cuts[9], cuts[14], cuts[18]
