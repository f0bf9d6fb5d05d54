"""`pcrl eval`: fine-tune with few labels, score on patients that nothing has seen. A command for each task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pcrl.evaluation.tasks.registry import TASKS, TaskEntry

from .console import console
from .eval_elsewhere import carry_out, external_options, take_external
from .eval_options import arguments_of, options_of, refuse_changes


@click.group("eval")
def evaluate() -> None:
    """Fine-tune a pre-trained encoder on a downstream task and score it, compared with other arms.

    \b
    Examples:
      pcrl eval lits --fraction 0.1
      pcrl eval chexpert --fraction 0.1 --arms pretrained,scratch,shuffled --seeds 3
      pcrl eval brats --resume
    """


DATASET = click.option("--dataset", help="Name of the data set in the cache.")
NAME = click.option(
    "--dataset",
    help="Name of the data set in the cache; with --table, its name there.  [default: the table's]",
)
TABLE = (
    click.option(
        "--table",
        type=click.Path(path_type=Path),
        help="CSV with the labels of your own images, which are ingested first if they are not in the cache.",
    ),
    click.option(
        "--images", type=click.Path(path_type=Path), help="Folder that the paths in --table start from."
    ),
    click.option(
        "--patient-column",
        help="Column of --table that names the patient.  [default: recognised by its name]",
    ),
    click.option(
        "--replace",
        is_flag=True,
        help="Let the images of --table take the place of others of its name, or of another recipe, in the cache.",
    ),
)


def command_of(task: TaskEntry) -> click.Command:
    """The command that evaluates a task."""

    def call(**options: Any) -> None:
        from pcrl.evaluation.run.evaluate import evaluate as carried_out

        from .eval_progress import EvaluationDisplay, errors
        from .eval_results import show_results

        external = take_external(options)
        always = {name: options.pop(name) for name in ("out", "resume", "device")}
        arguments: dict[str, Any] = {}
        if always["resume"]:
            refuse_changes()
        elif not external:
            arguments = arguments_of(task, _with_dataset(task, options))
        with errors(), EvaluationDisplay() as progress:
            if external:
                results = carry_out(task, external, options | always, progress)
            else:
                results = carried_out(task.name, **arguments, **always, progress=progress)
        show_results(results)
        folder = progress.folder
        console.print(
            f"Written: {folder / 'report.html'}, {folder / 'results.json'}, and beside them model-card.md, "
            "checklist.md and tables as CSV."
        )

    command: Any = call
    for option in reversed(external_options(task)):
        command = option(command)
    command = options_of(task)(command)
    own = [NAME, *TABLE] if _takes_table(task) else [DATASET] if task.dataset is None else []
    for option in reversed(own):
        command = option(command)
    examples = "".join(f"\n  {example}" for example in task.examples)
    plural = "s" * (len(task.examples) > 1)
    return click.command(task.name, help=f"{task.about}\n\n\b\nExample{plural}:{examples}")(command)


def _takes_table(task: TaskEntry) -> bool:
    """Whether images and labels of the user's own can be given, which are ingested first."""
    return task.dataset is None and task.data == "images"


def _with_dataset(task: TaskEntry, options: dict[str, Any]) -> dict[str, Any]:
    """The options, with the name of the data set instead of a table of the user's own."""
    if task.dataset is not None:
        return options
    if not _takes_table(task):
        if options["dataset"] is None:
            raise click.UsageError("give --dataset NAME: the name of the data set in the cache")
        return options
    dataset, table, images, patient_column, replace = (
        options.pop(name) for name in ("dataset", "table", "images", "patient_column", "replace")
    )
    if (dataset is None and table is None) or (table is None) != (images is None):
        raise click.UsageError("give --dataset of the cache, or --table together with --images")
    if table is None and (patient_column is not None or replace):
        raise click.UsageError("--patient-column and --replace are for --table: remove them")
    if table is not None:
        from .eval_table import ingest_table

        dataset = ingest_table(
            table,
            images,
            patient_column,
            options["cache"],
            dataset,
            options["recipe"],
            options["overrides"],
            replace,
        )
    return options | {"dataset": dataset}


for entry in TASKS.values():
    evaluate.add_command(command_of(entry))
