"""Scores against the number of labelled patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.results import Metric
from pcrl.evaluation.report.figures.axes import Tick, linear, logarithmic
from pcrl.evaluation.report.figures.panel import Panel
from pcrl.evaluation.report.numbers import counts_in_words, decimals_for, interval, number, percent, titled

# Ticks that would be nearer together than this have no text; in units of the panel.
_APART = 34


@dataclass(frozen=True, slots=True)
class CurveRow:
    """A point as it is shown in the table."""

    point: CurvePoint
    fraction: str
    metric: str
    value: str
    interval: str
    counts: str
    by_seed: str


def arm_numbers(points: Sequence[CurvePoint], first: Sequence[str] = ()) -> dict[str, int]:
    """Number of each arm, by which it is drawn; `first` come first, so that an arm looks the same everywhere."""
    names = dict.fromkeys([*first, *(point.arm for point in points)])
    return {name: n for n, name in enumerate(names)}


def fraction_figure(
    points: Sequence[CurvePoint], arms: Mapping[str, int], metrics: Mapping[str, Metric]
) -> list[Markup]:
    """A panel for each data set, task, metric and label."""
    several = len({(point.task, point.dataset) for point in points}) > 1
    panels = []
    for task, dataset, metric, label in dict.fromkeys(map(_panel_of, points)):
        group = [point for point in points if _panel_of(point) == (task, dataset, metric, label)]
        title = f"{label} ({task}, {dataset})" if several else label
        panels.append(_panel(title, group, arms, metrics.get(metric) or Metric(name=metric, title=metric)))
    return panels


def curve_rows(points: Sequence[CurvePoint], metrics: Mapping[str, Metric]) -> list[CurveRow]:
    """The points, by panel, then by number of patients."""
    places = {
        metric: decimals_for(point.value for point in points if point.metric == metric)
        for metric in {point.metric for point in points}
    }
    order = {key: n for n, key in enumerate(dict.fromkeys(map(_panel_of, points)))}
    rows = sorted(
        points, key=lambda point: (order[_panel_of(point)], point.training_patients, point.fraction)
    )
    return [
        CurveRow(
            point,
            percent(point.fraction),
            _titled(point.metric, metrics),
            number(point.value, places[point.metric]),
            interval(point.interval, places[point.metric]),
            counts_in_words(point.counts),
            ", ".join(number(value, places[point.metric]) for value in point.by_seed.values()),
        )
        for point in rows
    ]


def _panel_of(point: CurvePoint) -> tuple[str, str, str, str]:
    return point.task, point.dataset, point.metric, point.label


def _titled(metric: str, metrics: Mapping[str, Metric]) -> str:
    return titled(metrics[metric]) if metric in metrics else metric


def _panel(title: str, points: Sequence[CurvePoint], arms: Mapping[str, int], metric: Metric) -> Markup:
    used, of = _used(points)
    counts = sorted({used(point) for point in points})
    values = [end for point in points for end in (point.value, *(point.interval or ())) if end is not None]
    x = logarithmic([Tick(count, "") for count in counts], f"{of} (logarithmic)")
    panel = Panel(title, x, linear(values, titled(metric), within=metric.within), height=280)
    if not values:
        panel.empty("not defined")
    _write_ticks(panel, counts)
    names = [name for name in arms if any(point.arm == name for point in points)]
    said = []
    for place, name in enumerate(names):
        # Beside each other by a hair, so that intervals of several arms can be told apart.
        room = (panel.x.high / panel.x.low) ** (0.014 * (place - (len(names) - 1) / 2))
        of_arm = sorted((p for p in points if p.arm == name), key=used)
        defined = [(p, p.value) for p in of_arm if p.value is not None and math.isfinite(p.value)]
        number_of = arms[name]
        line = [(used(p) * room, value) for p, value in defined]
        panel.line(line, number_of, dash=number_of, title=name)
        for (across, value), (point, _) in zip(line, defined, strict=True):
            if point.interval is not None:
                low, high = point.interval
                panel.segment((across, low), (across, high), "whisker", number_of)
            text = f"{name}, {used(point)} patients: {value:.4g}"
            panel.mark(across, value, number_of, text)
            said.append(text)
    return panel.svg(f"{titled(metric)} of {title} by number of {of}. {'; '.join(said)}.")


def _used(points: Sequence[CurvePoint]) -> tuple[Callable[[CurvePoint], int], str]:
    """How many labelled patients each point used, one at least, and what is counted.

    All of them; where one point does not know those who validated, of every point those who trained.
    """
    if any(point.labelled_patients is None for point in points):
        return lambda point: max(point.training_patients, 1), "labelled training patients"
    return lambda point: max(point.labelled_patients or 0, 1), "labelled patients, training and validation"


def _write_ticks(panel: Panel, counts: Sequence[int]) -> None:
    last = -math.inf
    for count in counts:
        across = panel.across(count)
        if across - last >= _APART:
            panel.write(across, panel.height - 26, str(count), anchor="middle", kind="tick")
            last = across
