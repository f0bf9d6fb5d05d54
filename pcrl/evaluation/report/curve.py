"""The report of a curve over label fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from pcrl.evaluation.records.curve_difference import CurveDifference
from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.results import Metric
from pcrl.evaluation.report.figures.fractions import CurveRow, arm_numbers, curve_rows, fraction_figure
from pcrl.evaluation.report.numbers import decimals_for, percent
from pcrl.evaluation.report.page import render
from pcrl.evaluation.report.tables.comparisons import ComparisonRow, comparison_row, how
from pcrl.files import write_text

_REPORT = "report.html"


def write_curve_report(
    points: Sequence[CurvePoint],
    folder: Path,
    title: str,
    *,
    differences: Sequence[CurveDifference] = (),
    metrics: Sequence[Metric] = (),
    notes: Sequence[str] = (),
    command: str = "",
    created: str = "",
) -> Path:
    """Write `report.html` for a curve alone, with a link to the report of each evaluation.

    Args:
        differences: of the arms, at each fraction.
        metrics: give titles and units to the points' metrics.
        notes: what a reader must know beside the numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = {metric.name: metric for metric in metrics}
    numbers = arm_numbers(points)
    page = render(
        "curve.html.jinja",
        title=title,
        notes=notes,
        command=command,
        created=created,
        arm_numbers=numbers,
        transductive=any(point.transductive for point in points),
        virtual=max((point.virtual for point in points), default=0),
        curve=linked(curve_rows(points, named)),
        curve_panels=fraction_figure(points, numbers, named),
        differences=[_shown(each, points, named) for each in differences],
        fractions=[percent(each.fraction) for each in differences],
        explained=how([each.comparison for each in differences], "along this curve") if differences else [],
    )
    write_text(folder / _REPORT, page)
    return folder / _REPORT


def _shown(each: CurveDifference, points: Sequence[CurvePoint], named: Mapping[str, Metric]) -> ComparisonRow:
    name = each.comparison.metric
    places = decimals_for(point.value for point in points if point.metric == name)
    return comparison_row(each.comparison, named.get(name, Metric(name=name, title=name)), places)


def linked(rows: Sequence[CurveRow]) -> list[tuple[CurveRow, str]]:
    """Each row with the address of its evaluation's report."""
    return [(row, _address(row.point.folder)) for row in rows]


def _address(folder: str) -> str:
    """Quoted, and with one slash in front at most, so that no name of a folder leads to another machine."""
    place = PurePosixPath(folder or ".") / _REPORT
    return quote("/" + str(place).lstrip("/") if place.is_absolute() else str(place))
