"""From the options of an evaluation to its results: the same way for every task."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .console import console, note_slow_reading, progress, user_errors
from .device import device_named
from .eval_results import show_results
from .new_folder import require_new

if TYPE_CHECKING:
    from pcrl.evaluation.records.replicate import Place
    from pcrl.evaluation.records.request import Request
    from pcrl.evaluation.records.results import Results
    from pcrl.evaluation.run.study import Study

RUNS = Path("runs")
"""Where pre-training puts its runs, and an evaluation looks for them."""
EVALUATIONS = Path("evaluations")


def run(task: str, dataset: str, *, out: Path | None, resume: bool, device: str, **options: Any) -> None:
    """Evaluate, show the results, and write everything."""
    with errors():
        where = device_named(device)
        if resume:
            refuse_changes()
            folder, request = unfinished(out, task)
        else:
            request = request_of(task, dataset, **options)
            folder = new_folder(out, task)
        study = opened(request)
        console.print(f"Results in {folder}")
        results = carried_out(study, folder, where)
        show_results(results)
        console.print(
            f"Written: {folder / 'report.html'}, {folder / 'results.json'}, tables as CSV beside them."
        )


def refuse_changes() -> None:
    """With --resume, an option that would ask for something else is an error, not ignored."""
    context = click.get_current_context()
    for name in context.params:
        given = context.get_parameter_source(name) == ParameterSource.COMMANDLINE
        if given and name not in ("task", "out", "resume", "device"):
            option = next(p.opts[0] for p in context.command.params if p.name == name)
            raise click.UsageError(f"--resume goes on with what was asked: leave {option}")


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """What an evaluation tells as one message; an interruption, too."""
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.engine.cache.format import CacheError
    from pcrl.evaluation.records.errors import ProtocolError
    from pcrl.models.weights.published import WeightsError
    from pcrl.training.run_folder import RunError

    kinds = (RecipeError, LayoutError, CacheError, ProtocolError, WeightsError, RunError, FloatingPointError)
    with user_errors(*kinds):
        try:
            yield
        except KeyboardInterrupt:
            console.print("Stopped. What was begun goes on with --resume.")
            raise SystemExit(130) from None


def request_of(
    task: str,
    dataset: str,
    *,
    cache: Path,
    arms: tuple[Any, ...] | None,
    from_scratch: bool,
    checkpoints: tuple[Path, ...],
    learning_rates: tuple[float, ...] | None,
    folds: tuple[int, ...] | None = None,
    **options: Any,
) -> Request:
    """What is asked, as it is kept."""
    from pcrl.evaluation.records.request import Request

    kinds = arms or ("pretrained",)
    if from_scratch and "scratch" not in kinds:
        kinds = (*kinds, "scratch")
    return Request(
        task=task,
        dataset=dataset,
        command=shlex.join(["pcrl", *sys.argv[1:]]),
        cache=cache.resolve(),
        runs=RUNS.resolve(),
        arms=kinds,
        checkpoints=tuple(path.resolve() for path in checkpoints),
        learning_rates=learning_rates or (),
        folds=folds or (),
        **options,
    )


def opened(request: Request) -> Study:
    """Everything that can fail before the first training; says who takes part."""
    from pcrl.evaluation.run.study import open_study

    note_slow_reading()
    study = open_study(request)
    for arm in study.chosen.arms:
        console.print(f"{arm.name}: {arm.about}")
    console.print(f"{request.dataset}: {study.task.describe()}; fraction {request.fraction:g}.")
    for note in study.notes():
        console.print(f"[yellow]note[/] {note}")
    return study


def carried_out(study: Study, folder: Path, where: Any) -> Results:
    """Train, ask and score, with a bar; write the tables and the report."""
    from pcrl.engine.cache.lock import locked
    from pcrl.evaluation.records.results import save
    from pcrl.evaluation.report import write_report
    from pcrl.evaluation.run.tables import write_splits, write_tables

    epochs = study.task.schedule().epochs
    with progress("epochs") as bar:
        line = bar.add_task("training", total=study.trainings() * epochs)
        through = 0

        def show(arm: str, place: Place, epoch: int, loss: float, score: float | None) -> None:
            text = f"{arm}, {place}, epoch {epoch}: loss {loss:.3f}"
            text += f", validation {score:.3f}" if score is not None else ""
            bar.update(line, advance=1, description=text)
            if not console.is_terminal and (epoch % 5 == 0 or epoch == 1):
                console.print(text)

        def done() -> None:
            nonlocal through
            through += 1
            trainings = len(study.chosen.arms) * len(study.task.places)
            bar.update(line, completed=round(study.trainings() * epochs * through / trainings))

        with locked(folder):
            results = study.run(folder, where, show, done)
            write_tables(results, folder)
            write_splits(results.splits, study.task.owners(), folder)
            write_report(results, folder)
            # Last: what has a record is whole.
            save(results, folder)
    return results


def new_folder(out: Path | None, task: str) -> Path:
    """The folder for the results, which holds nothing yet."""
    from pcrl.evaluation.records.request import REQUEST

    out = out or EVALUATIONS / f"{task}-{datetime.now():%Y%m%d-%H%M%S}"
    require_new(out, REQUEST)
    return out


def unfinished(out: Path | None, task: str) -> tuple[Path, Request]:
    """The evaluation to go on with: that in `out`, or the newest of the task that has no results yet.

    Raises:
        ProtocolError: there is none, or it is of another task.
    """
    from pcrl.evaluation.records.errors import ProtocolError
    from pcrl.evaluation.records.request import REQUEST, load
    from pcrl.evaluation.records.results import RESULTS

    if out is None:
        found = [path.parent for path in EVALUATIONS.glob(f"{task}-*/{REQUEST}")]
        begun = [folder for folder in found if not (folder / RESULTS).exists()]
        if not begun:
            raise ProtocolError(
                f"no unfinished evaluation of {task} in ./{EVALUATIONS}: give --out, or leave --resume"
            )
        out = max(begun, key=lambda folder: (folder / REQUEST).stat().st_mtime)
    request = load(out)
    if request.task != task:
        raise ProtocolError(
            f"{out} is an evaluation of {request.task}: pcrl eval {request.task} --out {out} --resume"
        )
    console.print(f"Going on with {out}, as it was asked: {request.command}")
    return out, request
