"""`pcrl curve`: how a score grows with the share of the labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from pcrl.evaluation.tasks.registry import TASKS

from .console import console
from .eval_options import Numbers, arguments_of, options_of, refuse_changes

if TYPE_CHECKING:
    from pcrl.evaluation.run.curve import Curve


@click.command()
@click.argument("task", type=click.Choice(list(TASKS)))
@click.option(
    "--dataset", help="Name of the data set in the cache; needed by segmentation and classification."
)
@click.option(
    "--fractions",
    type=Numbers(0, 1),
    default="0.05,0.1,0.2,0.5,1",
    show_default=True,
    metavar="SHARE,…",
    help="Shares of the labelled patients, to train and to validate, to evaluate at.",
)
@options_of(*TASKS.values(), fraction=False)
@click.pass_context
def curve(
    context: click.Context,
    /,
    task: str,
    out: Path | None,
    resume: bool,
    device: str,
    **options: Any,
) -> None:
    """Evaluate a task at several shares of the labels: the label-efficiency curve.

    Each share is an evaluation of its own, in a folder of its own. Stopped at any time, it continues with --resume.

    \b
    Examples:
      pcrl curve lits --fractions 0.05,0.1,0.2,0.5,1 --arms pretrained,scratch --seeds 3
      pcrl curve lits --resume
    """
    _refuse_others(context, task, options["dataset"], resume)
    from pcrl.evaluation.run.curve import curve as carried_out

    from .eval_progress import EvaluationDisplay, errors

    arguments: dict[str, Any] = {}
    if resume:
        refuse_changes()
    else:
        arguments = arguments_of(TASKS[task], options)
    with errors(), EvaluationDisplay(name_folder=False) as progress:
        made = carried_out(task, **arguments, out=out, resume=resume, device=device, progress=progress)
    _show(made)
    console.print(
        f"Written: {made.folder / 'report.html'}, {made.folder / 'curve.csv'}, {made.folder / 'curve-differences.csv'}."
    )


def _show(made: Curve) -> None:
    from .eval_results import restrictions, sentence

    last = made.results[-1]
    metric, title = last.main, f"{last.dataset}: {last.main.title} by labelled patients"
    title += restrictions(any(point.transductive for point in made.points), last.virtual)
    columns = (
        "arm",
        "fraction",
        "labelled patients",
        "to train",
        "to validate",
        metric.title,
        "95 % interval",
        "test patients",
    )
    table = Table(*columns, title=title, title_justify="left")
    for point in sorted(made.points, key=lambda one: (one.arm, one.fraction)):
        value = "undefined" if point.value is None else f"{point.value:.3f}"
        interval = f"{point.interval[0]:.3f}–{point.interval[1]:.3f}" if point.interval else ""
        table.add_row(
            point.arm,
            f"{point.fraction:g}",
            *(
                "" if count is None else str(count)
                for count in (point.labelled_patients, point.training_patients, point.validation_patients)
            ),
            value,
            interval,
            str(point.patients),
        )
    console.print(table)
    for each in made.differences:
        console.print(f"{each.fraction:g} of the labels: {sentence(each.comparison, metric)}.")
    if any(each.comparison.p_holm is not None for each in made.differences):
        console.print("Intervals over test patients and seeds; p (Holm) for all differences along the curve.")


def _refuse_others(context: click.Context, task: str, dataset: str | None, resume: bool) -> None:
    """An option that the task does not have is an error, not ignored."""
    entry = TASKS[task]
    others = {option.name for other in TASKS.values() for option in other.options}
    others -= {option.name for option in entry.options}
    others |= {"dataset"} if entry.dataset else set()
    others |= set() if entry.folds else {"folds"}
    for name in context.params:
        given = context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
        if given and name in others:
            raise click.UsageError(f"{task} has no --{name}")
    if entry.dataset is None and dataset is None and not resume:
        raise click.UsageError(f"{task} needs --dataset")
