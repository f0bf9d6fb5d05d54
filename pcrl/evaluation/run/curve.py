"""The curve over label fractions: what `pcrl curve` does, as one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path

import torch

from pcrl.evaluation.records.curve_difference import CurveDifference
from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.curve_request import (
    CURVE,
    CurveRequest,
    load_curve_request,
    save_curve_request,
)
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import REQUEST, load_request
from pcrl.evaluation.records.results import FORMAT, RESULTS, Results, load_results
from pcrl.evaluation.report import REPORT, write_curve_report
from pcrl.evaluation.run.folders import new_folder, to_go_on_with
from pcrl.evaluation.run.new_request import arguments_given, call_in_words, new_request, refuse_changes
from pcrl.evaluation.run.opening import open_study
from pcrl.evaluation.run.points import (
    corrected_along,
    differences_of,
    points_of,
    write_differences,
    write_points,
)
from pcrl.evaluation.run.progress import Progress
from pcrl.models.device import device_named

FRACTIONS = (0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores at several shares of the labels.

    Args:
        folder: holds an evaluation for each share, `curve.csv`, `curve-differences.csv`, both also as JSON,
            `curve-seeds.csv` and `report.html`.
        points: the end point of every arm at every share.
        differences: of the first arm and every other at every share, corrected for all of them.
        results: of each share.
    """

    folder: Path
    points: tuple[CurvePoint, ...]
    differences: tuple[CurveDifference, ...]
    results: tuple[Results, ...]


def curve(
    task: str,
    *,
    fractions: Sequence[float] = FRACTIONS,
    cache: str | PathLike[str] = "cache",
    dataset: str | None = None,
    seeds: int = 1,
    arms: Sequence[str] = ("pretrained",),
    checkpoints: Sequence[str | Path] = (),
    runs: str | Path = "runs",
    learning_rates: Sequence[float] = (),
    folds: Sequence[int] = (),
    freeze: bool = False,
    epochs: int | None = None,
    recipe: str | Path | None = None,
    overrides: Sequence[str] = (),
    transductive: bool = False,
    different_people: bool = False,
    validation: str = "budget",
    options: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    command: str | None = None,
    progress: Progress | None = None,
) -> Curve:
    """Evaluate a task at several shares of the labels, each in a folder of its own: the label-efficiency curve.

    What is asked is kept before the first evaluation begins (`curve-request.json`), with the weights and the cache
    that it begins with, so that all shares have the same; the report is written last.

    Args:
        task: a name in `pcrl.evaluation.tasks.registry.TASKS`.
        fractions: shares of the labelled patients, each in (0, 1].
        cache, dataset, seeds, arms, checkpoints, runs, learning_rates, folds, freeze, epochs, recipe, overrides,
            transductive, different_people, validation, options, device, command, progress: see
            `pcrl.evaluation.run.evaluate.evaluate`.
        out: new folder; none: `evaluations/curve-TASK-DATE-TIME`.
        resume: go on with the curve in `out`, or the newest unfinished one of the task, as it was asked. Then only
            `out`, `device` and `progress` may be given.

    Returns:
        All points, and the results that they are of.

    Raises:
        ProtocolError, CacheError, RecipeError, WeightsError, RunError, LayoutError, DeviceError, FloatingPointError: as
            `evaluate`.

    Example:
        >>> made = curve("lits", fractions=(0.1, 1.0), arms=("pretrained", "scratch"))
        >>> [(point.arm, point.fraction, point.value) for point in made.points]
    """
    arguments = arguments_given(curve, locals())
    watch, where = progress or Progress(), device_named(device)
    if resume:
        refuse_changes(arguments)
        folder, curve_request = to_go_on_with(out, task, "curve", CURVE, REPORT, _asked)
        watch.resumed(folder, curve_request.request.command)
    else:
        request = new_request(
            task, cache=cache, dataset=dataset, runs=runs, arms=arms, checkpoints=checkpoints, options=options,
            command=command or call_in_words("curve", arguments), fraction=1.0, seeds=seeds, folds=folds,
            learning_rates=learning_rates, freeze=freeze, epochs=epochs, recipe=recipe, overrides=overrides,
            transductive=transductive, different_people=different_people, validation=validation,
        )  # fmt: skip
        if not fractions or not all(0 < fraction <= 1 for fraction in fractions):
            raise ProtocolError(
                f"fractions {tuple(fractions)}: expected at least one, each above 0 and at most 1"
            )
        folder = new_folder(out, f"curve-{task}", CURVE)
        # What can fail fails here, before there is a folder.
        curve_request = pinned(CurveRequest(request=request, fractions=tuple(sorted(set(fractions)))))
        save_curve_request(curve_request, folder)
    return _carried_out(curve_request, folder, where, watch)


def pinned(curve_request: CurveRequest) -> CurveRequest:
    """The same weights and the same cache for every fraction, whatever is pre-trained or ingested meanwhile.

    Raises:
        CacheError, RecipeError, ProtocolError: see `open_study`; the evaluation of the first fraction cannot begin.
    """
    _, first = next(curve_request.each())
    opened = open_study(first).request
    known = ("checkpoints", "controls", "weights", "identity")
    request = curve_request.request.model_copy(update={name: getattr(opened, name) for name in known})
    return curve_request.model_copy(update={"request": request})


def _carried_out(curve_request: CurveRequest, folder: Path, device: torch.device, watch: Progress) -> Curve:
    points: list[CurvePoint] = []
    differences: tuple[CurveDifference, ...] = ()
    of_shares: list[Results] = []
    for name, request in curve_request.each():
        own = folder / name
        results = load_results(own) if (own / RESULTS).exists() else None
        # Scores of another format are of other definitions, and belong into no curve with these.
        if results is None or results.format != FORMAT:
            begun = (own / REQUEST).exists()
            study = open_study(load_request(own) if begun else request, watch)
            watch.planned(study.planned(), own)
            results = study.carry_out(own, device, watch)
        points += points_of(results, request.fraction, name)
        of_shares.append(results)
        differences = corrected_along([*differences, *differences_of(results, request.fraction, name)])
        write_points(points, folder)
        write_differences(points, differences, folder)
    metric = of_shares[-1].main
    write_curve_report(
        points,
        folder,
        f"{curve_request.request.task}: {metric.title} by labelled patients",
        differences=differences,
        metrics=[metric],
        notes=of_shares[-1].notes,
        command=curve_request.request.command,
        created=datetime.now().isoformat(timespec="seconds"),
    )
    return Curve(folder, tuple(points), differences, tuple(of_shares))


def _asked(folder: Path) -> tuple[str, CurveRequest]:
    curve_request = load_curve_request(folder)
    return curve_request.request.task, curve_request
