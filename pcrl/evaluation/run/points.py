"""The points of a curve over label fractions: from results to tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.results import Results
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.files import write_csv, write_text

TABLE, POINTS = "curve.csv", "curve.json"


def points_of(results: Results, fraction: float, folder: str) -> list[CurvePoint]:
    """The end point of every arm: of the mean over labels, where there are several."""
    points = []
    for arm in results.arms:
        rows = [row for row in arm.rows if row.metric == results.main.name]
        row = next((row for row in rows if row.label == MEAN), rows[0])
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
                interval=row.interval,
                patients=row.patients,
                folder=folder,
                transductive=results.transductive,
                virtual=results.virtual,
            )
        )
    return points


def write_points(points: Sequence[CurvePoint], folder: Path) -> None:
    """`curve.csv`, a row for each arm and fraction, and the same as JSON."""
    plain = [point.model_dump(mode="json") for point in points]
    write_text(folder / POINTS, json.dumps(plain, indent=1) + "\n")
    head = [name for name in CurvePoint.model_fields if name != "interval"]

    def rows() -> Iterator[list[object]]:
        for point in plain:
            low, high = point["interval"] or (None, None)
            yield [*(point[name] for name in head), low, high]

    write_csv(folder / TABLE, [*head, "low", "high"], rows())
