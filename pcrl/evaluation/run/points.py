"""The points of a curve over label fractions, and the differences of its arms: from results to tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pcrl.evaluation.records.curve_difference import CurveDifference
from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.results import Results, Row
from pcrl.evaluation.report.numbers import counts_in_words
from pcrl.evaluation.statistics.inference.comparisons import corrected
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.files import write_csv, write_text

TABLE, POINTS = "curve.csv", "curve.json"
DIFFERENCES_TABLE, DIFFERENCES = "curve-differences.csv", "curve-differences.json"
SEEDS_TABLE = "curve-seeds.csv"


def points_of(results: Results, fraction: float, folder: str) -> list[CurvePoint]:
    """The end point of every arm: of the mean over labels, where there are several."""
    points = []
    for arm in results.arms:
        row = _end_point(results, arm.rows)
        points.append(
            CurvePoint(
                task=results.task,
                dataset=results.dataset,
                arm=arm.name,
                fraction=fraction,
                training_patients=results.training_patients,
                validation_patients=results.validation_patients,
                labelled_patients=results.labelled_patients,
                seeds=len({run.seed for run in arm.runs}),
                metric=row.metric,
                label=row.label,
                value=row.value,
                by_seed=row.by_seed,
                interval=row.interval,
                patients=row.patients,
                folder=folder,
                transductive=results.transductive,
                virtual=results.virtual,
                counts=row.counts,
            )
        )
    return points


def differences_of(results: Results, fraction: float, folder: str) -> list[CurveDifference]:
    """Those of the end point, of the same label as the points; corrected for this evaluation alone."""
    label = _end_point(results, results.arms[0].rows).label
    return [
        CurveDifference(
            task=results.task,
            dataset=results.dataset,
            fraction=fraction,
            training_patients=results.training_patients,
            validation_patients=results.validation_patients,
            labelled_patients=results.labelled_patients,
            comparison=each,
            folder=folder,
            transductive=results.transductive,
            virtual=results.virtual,
        )
        for each in results.comparisons
        if (each.metric, each.label) == (results.main.name, label)
    ]


def corrected_along(differences: Sequence[CurveDifference]) -> tuple[CurveDifference, ...]:
    """The same, `p_holm` for all of them together."""
    comparisons = corrected([each.comparison for each in differences])
    return tuple(
        each.model_copy(update={"comparison": comparison})
        for each, comparison in zip(differences, comparisons, strict=True)
    )


def write_points(points: Sequence[CurvePoint], folder: Path) -> None:
    """`curve.csv`, a row for each arm and fraction, and the same as JSON."""
    plain = [point.model_dump(mode="json") for point in points]
    write_text(folder / POINTS, json.dumps(plain, indent=1) + "\n")
    head = [name for name in CurvePoint.model_fields if name not in {"interval", "by_seed", "counts"}]

    def rows() -> Iterator[list[object]]:
        for point in plain:
            low, high = point["interval"] or (None, None)
            yield [*(point[name] for name in head), low, high, counts_in_words(point["counts"]) or None]

    write_csv(folder / TABLE, [*head, "low", "high", "counts"], rows())


def write_differences(
    points: Sequence[CurvePoint], differences: Sequence[CurveDifference], folder: Path
) -> None:
    """`curve-differences.csv`, a row for each pair of arms and fraction, the same as JSON, and `curve-seeds.csv`."""
    plain = [each.model_dump(mode="json") for each in differences]
    write_text(folder / DIFFERENCES, json.dumps(plain, indent=1) + "\n")

    def rows() -> Iterator[list[object]]:
        for each in differences:
            one = each.comparison
            low, high = one.interval or (None, None)
            yield [
                each.task, each.dataset, each.fraction, each.training_patients, each.validation_patients,
                each.labelled_patients, one.label, one.metric, one.arm, one.minus, one.difference, low, high, one.p,
                one.p_holm, one.patients, len(one.by_seed), one.why, each.folder, each.transductive, each.virtual,
            ]  # fmt: skip

    head = (
        "task dataset fraction training_patients validation_patients labelled_patients label metric arm minus "
        "difference low high p p_holm patients seeds why folder transductive virtual"
    )
    write_csv(folder / DIFFERENCES_TABLE, head.split(), rows())

    def seeds() -> Iterator[list[object]]:
        for point in points:
            for seed, value in point.by_seed.items():
                named = [point.fraction, point.arm, None, point.label, point.metric]
                yield [*named, seed, value, *_labelled(point)]
        for each in differences:
            one = each.comparison
            for seed, value in one.by_seed.items():
                named = [each.fraction, one.arm, one.minus, one.label, one.metric]
                yield [*named, seed, value, *_labelled(each)]

    head = (
        "fraction arm minus label metric seed value training_patients validation_patients labelled_patients"
    )
    write_csv(folder / SEEDS_TABLE, head.split(), seeds())


def _labelled(each: CurvePoint | CurveDifference) -> tuple[int | None, ...]:
    return each.training_patients, each.validation_patients, each.labelled_patients


def _end_point(results: Results, rows: Sequence[Row]) -> Row:
    """Of the mean over labels, where there are several."""
    of_metric = [row for row in rows if row.metric == results.main.name]
    return next((row for row in of_metric if row.label == MEAN), of_metric[0])
