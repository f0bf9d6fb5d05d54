"""`pcrl curve`: how a score grows with the share of the labels."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from .console import console
from .device import device_named
from .eval_options import FOLDS, TARGET, UNCERTAIN, VIEWS, Numbers, options_of
from .eval_results import restrictions
from .eval_run import EVALUATIONS, carried_out, errors, opened, refuse_changes, request_of
from .new_folder import require_new

if TYPE_CHECKING:
    from pcrl.evaluation.records.curve_point import CurvePoint
    from pcrl.evaluation.records.results import Results
    from pcrl.evaluation.run.curve import CurveRequest

OWN = {
    "lits": {"folds", "target"},
    "brats": {"folds"},
    "luna": {"folds"},
    "segmentation": {"folds", "dataset"},
    "chexpert": {"views", "uncertain"},
    "chestxray": {"views", "uncertain"},
    "classification": {"views", "uncertain", "dataset"},
}
"""Task → those of the options below that it has."""


@click.command()
@click.argument("task", type=click.Choice(list(OWN)))
@click.option("--dataset", help="Of segmentation and classification: its name in the cache.")
@click.option(
    "--fractions",
    type=Numbers(0, 1),
    default="0.05,0.1,0.2,0.5,1",
    show_default=True,
    metavar="SHARE,…",
    help="Shares of the labelled training patients.",
)
@options_of(FOLDS, TARGET, VIEWS, UNCERTAIN, fraction=False)
@click.pass_context
def curve(
    context: click.Context,
    /,
    task: str,
    dataset: str | None,
    fractions: tuple[float, ...],
    out: Path | None,
    resume: bool,
    device: str,
    **options: Any,
) -> None:
    """Evaluate a task at several shares of the labels: the label-efficiency curve.

    Each share is an evaluation of its own, in a folder of its own. Stopped at any time, it goes on with --resume.

    \b
    Examples:
      pcrl curve lits --fractions 0.05,0.1,0.2,0.5,1 --arms pretrained,scratch --seeds 3
      pcrl curve lits --resume
    """  # fmt: skip
    from pcrl.evaluation.run.curve import CURVE, CurveRequest, load_request, pinned, save_request

    _refuse_others(context, task, dataset, resume)
    with errors():
        where = device_named(device)
        if resume:
            refuse_changes()
            folder = out or _newest(task)
            asked = load_request(folder)
            console.print(f"Going on with {folder}, as it was asked: {asked.request.command}")
        else:
            folder = out or EVALUATIONS / f"curve-{task}-{datetime.now():%Y%m%d-%H%M%S}"
            require_new(folder, CURVE)
            wanted = CurveRequest(request=request_of(task, dataset or task, **options), fractions=fractions)
            # What can fail fails here, before there is a folder.
            asked = pinned(wanted)
            save_request(asked, folder)
        points, last = _evaluated(asked, folder, where)
        _write(asked, points, last, folder)
    _show(points, last)
    console.print(f"Written: {folder / 'report.html'}, {folder / 'curve.csv'}.")


def _evaluated(asked: CurveRequest, folder: Path, where: Any) -> tuple[list[CurvePoint], Results]:
    from pcrl.evaluation.records import request as requests
    from pcrl.evaluation.records import results as records
    from pcrl.evaluation.run.curve import points_of, write_points

    points: list[CurvePoint] = []
    for name, request in asked.each():
        mine = folder / name
        if (mine / records.RESULTS).exists():
            results = records.load(mine)
        else:
            begun = (mine / requests.REQUEST).exists()
            study = opened(requests.load(mine) if begun else request)
            results = carried_out(study, mine, where)
        points += points_of(results, request.fraction, name)
        write_points(points, folder)
    return points, results


def _write(asked: CurveRequest, points: list[CurvePoint], last: Results, folder: Path) -> None:
    from pcrl.evaluation.report import write_curve_report

    metric = last.main
    write_curve_report(
        points,
        folder,
        f"{asked.request.task}: {metric.title} by labelled training patients",
        metrics=[metric],
        notes=last.notes,
        command=asked.request.command,
        created=datetime.now().isoformat(timespec="seconds"),
    )


def _show(points: list[CurvePoint], last: Results) -> None:
    metric, title = last.main, f"{last.dataset}: {last.main.title} by labelled training patients"
    title += restrictions(any(point.transductive for point in points), last.virtual)
    columns = ("arm", "fraction", "training patients", metric.title, "95 % interval", "test patients")
    table = Table(*columns, title=title, title_justify="left")
    for point in sorted(points, key=lambda one: (one.arm, one.fraction)):
        value = "undefined" if point.value is None else f"{point.value:.3f}"
        interval = f"{point.interval[0]:.3f}–{point.interval[1]:.3f}" if point.interval else ""
        table.add_row(
            point.arm,
            f"{point.fraction:g}",
            str(point.training_patients),
            value,
            interval,
            str(point.patients),
        )
    console.print(table)


def _refuse_others(context: click.Context, task: str, dataset: str | None, resume: bool) -> None:
    """An option that the task does not have is an error, not ignored."""
    for name in ("dataset", "folds", "target", "views", "uncertain"):
        given = context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
        if given and name not in OWN[task]:
            raise click.UsageError(f"{task} has no --{name}")
    if "dataset" in OWN[task] and dataset is None and not resume:
        raise click.UsageError(f"{task} needs --dataset")


def _newest(task: str) -> Path:
    from pcrl.evaluation.records.errors import ProtocolError
    from pcrl.evaluation.run.curve import CURVE

    found = [path.parent for path in EVALUATIONS.glob(f"curve-{task}-*/{CURVE}")]
    begun = [folder for folder in found if not (folder / "report.html").exists()]
    if not begun:
        raise ProtocolError(
            f"no unfinished curve of {task} in ./{EVALUATIONS}: give --out, or leave --resume"
        )
    return max(begun, key=lambda folder: (folder / CURVE).stat().st_mtime)
