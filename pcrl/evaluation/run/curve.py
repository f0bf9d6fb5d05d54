"""The curve over label fractions: one evaluation a fraction, each in a folder of its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.request import Request
from pcrl.evaluation.records.results import Record, Results, load_record
from pcrl.evaluation.run.study import open_study
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.files import new_file, write_text

CURVE, TABLE, POINTS = "curve-request.json", "curve.csv", "curve.json"


class CurveRequest(Record):
    """What is asked: the evaluation, of which the fraction is replaced by each of `fractions`."""

    request: Request
    fractions: tuple[float, ...]

    def each(self) -> Iterator[tuple[str, Request]]:
        """Name of the folder, and request, of each fraction."""
        for fraction in self.fractions:
            yield f"fraction-{fraction:g}", self.request.model_copy(update={"fraction": fraction})


def pinned(asked: CurveRequest) -> CurveRequest:
    """The same weights and the same cache for every fraction, whatever is pre-trained or ingested meanwhile.

    Raises:
        CacheError, RecipeError, ProtocolError: see `open_study`; the evaluation of the first fraction cannot begin.
    """
    _, first = next(asked.each())
    found = open_study(first).request
    known = ("checkpoints", "controls", "weights", "identity")
    request = asked.request.model_copy(update={name: getattr(found, name) for name in known})
    return asked.model_copy(update={"request": request})


def save_request(asked: CurveRequest, folder: Path) -> None:
    """Keep what is asked, so that a killed curve goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CURVE, asked.model_dump_json(indent=1) + "\n")


def load_request(folder: Path) -> CurveRequest:
    """What was asked.

    Raises:
        ProtocolError: missing or damaged.
    """
    return load_record(CurveRequest, folder / CURVE, "it holds no curve")


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
    with new_file(folder / TABLE) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        head = [name for name in CurvePoint.model_fields if name != "interval"]
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*head, "low", "high"])
        for point in plain:
            low, high = point["interval"] or ("", "")
            values = ["" if point[name] is None else point[name] for name in head]
            table.writerow([*values, low, high])
