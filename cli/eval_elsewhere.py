"""`pcrl eval … --test-on`: the options of an external test, and how they are carried out."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pcrl.evaluation.tasks.registry import TEST_PATIENTS, TaskEntry

from .eval_table import ingest_table

if TYPE_CHECKING:
    from pcrl.evaluation.records.results import Results
    from pcrl.evaluation.run.progress import Progress

OWN = ("test_on", "run", "test_patients", "same_labels", "test_images", "test_patient_column")
ALSO = ("transductive", "different_people", "out", "device")
"""Options of an evaluation that an external test has too."""


class SameLabel(click.ParamType[tuple[str, str]]):
    """`OURS=THEIRS`."""

    name = "same label"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Both names."""
        if isinstance(value, tuple):
            return value
        ours, sign, theirs = (part.strip() for part in str(value).partition("="))
        if not (ours and sign and theirs):
            self.fail(f"{value!r}: expected LABEL=NAME, such as 'Pleural Effusion=Effusion'", param, ctx)
        return ours, theirs


def external_options(task: TaskEntry) -> list[Callable[..., Any]]:
    """The options of an external test."""
    options = [
        click.option(
            "--test-on",
            metavar="NAME",
            help="External test: train nothing, and score the networks of a finished evaluation on this data set of "
            "its cache"
            + (", or on a CSV of labels (with --test-images)" if task.data == "images" else "")
            + ". Results are in EVALUATION/tested-on/NAME, unless --out says otherwise.",
        ),
        click.option(
            "--run",
            type=click.Path(path_type=Path),
            help="With --test-on: folder of the evaluation.  [default: the newest finished one of the task]",
        ),
        click.option(
            "--test-patients",
            type=click.Choice(TEST_PATIENTS),
            default="all",
            show_default=True,
            help="With --test-on: all patients, or only those whom the data set holds back itself.",
        ),
    ]
    if task.kind != "candidates":
        options.append(
            click.option(
                "--same-label",
                "same_labels",
                type=SameLabel(),
                multiple=True,
                metavar="LABEL=NAME",
                help="With --test-on: what a label of the networks is called there, if its name differs; may be "
                "repeated.",
            )
        )
    if task.data == "images":
        options += [
            click.option(
                "--test-images",
                type=click.Path(path_type=Path),
                help="With --test-on labels.csv: folder that the paths in it start from.",
            ),
            click.option(
                "--test-patient-column",
                help="With --test-on labels.csv: its column that names the patient.  [default: recognised by its name]",
            ),
        ]
    return options


def take_external(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of an external test out of the others; empty where none is asked for."""
    own = {name: options.pop(name) for name in OWN if name in options}
    if own["test_on"] is None:
        if given := [name for name in own if _was_given(name)]:
            raise click.UsageError(f"{_spelt(given[0])} is for --test-on: remove it, or name a data set")
        return {}
    for name in options:
        if name not in ALSO and _was_given(name):
            raise click.UsageError(
                f"--test-on scores networks as an evaluation trained them, and nothing else: remove {_spelt(name)}"
            )
    return own


def carry_out(task: TaskEntry, asked: dict[str, Any], options: dict[str, Any], progress: Progress) -> Results:
    """Score saved networks on another data set, whose table is ingested first if one is given."""
    from pcrl.evaluation.external.evaluate import evaluate_elsewhere
    from pcrl.evaluation.external.opening import finished_evaluation

    run = finished_evaluation(asked["run"], task.name)
    return evaluate_elsewhere(
        task.name,
        _dataset(asked, run),
        run=run,
        test_patients=asked["test_patients"],
        same_labels=dict(asked.get("same_labels", ())),
        transductive=options["transductive"],
        different_people=options["different_people"],
        out=options["out"],
        device=options["device"],
        command=shlex.join(["pcrl", *sys.argv[1:]]),
        progress=progress,
    )


def _dataset(asked: dict[str, Any], run: Path) -> str:
    from pcrl.evaluation.records.request import load_request

    name, images = asked["test_on"], asked.get("test_images")
    if images is None:
        if asked.get("test_patient_column") is not None:
            raise click.UsageError("--test-patient-column is for a table: give --test-images as well")
        if name.lower().endswith(".csv") and "test_images" in asked:
            raise click.UsageError(
                f"--test-on {name} is a table: give --test-images, the folder of its images"
            )
        return str(name)
    cache = load_request(run).cache
    return ingest_table(Path(name), images, asked["test_patient_column"], cache, None, None, (), False)


def _was_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) == ParameterSource.COMMANDLINE


def _spelt(name: str) -> str:
    return next(
        parameter.opts[0]
        for parameter in click.get_current_context().command.params
        if parameter.name == name
    )
