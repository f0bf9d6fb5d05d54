"""The options of `pcrl eval` and `pcrl curve`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pcrl.evaluation.records.arm_kinds import ARMS, check_arms
from pcrl.evaluation.tasks.registry import (
    FOLDS_HELP,
    FRACTION_HELP,
    TASKS,
    VALIDATION_HELP,
    VALIDATIONS,
    Option,
    TaskEntry,
)

from .cache_options import CACHE, RECIPE, setting
from .device import DEVICE


class Numbers(click.ParamType[tuple[float, ...]]):
    """Comma-separated numbers, such as `1e-4,3e-4`."""

    name = "numbers"

    def __init__(self, above: float, up_to: float) -> None:
        self.above, self.up_to = above, up_to

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """The numbers, rising, each once."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(sorted({float(part) for part in str(value).split(",")}))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers, such as 0.1,0.5", param, ctx)
        if not all(self.above < number <= self.up_to for number in numbers):
            self.fail(
                f"{value!r}: expected numbers above {self.above:g} and up to {self.up_to:g}", param, ctx
            )
        return numbers


class Folds(click.ParamType[tuple[int, ...]]):
    """Folds, such as `0-9` or `0,3`."""

    name = "folds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Their numbers, rising, each once."""
        if isinstance(value, tuple):
            return value
        folds: set[int] = set()
        try:
            for part in str(value).split(","):
                first, _, last = part.partition("-")
                folds |= set(range(int(first), int(last or first) + 1))
        except ValueError:
            folds = set()
        if not folds:
            self.fail(f"{value!r} is not a list of folds, such as 0-9 or 0,3", param, ctx)
        return tuple(sorted(folds))


class Arms(click.ParamType[tuple[str, ...]]):
    """Comma-separated arms."""

    name = "arms"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Each once, in the order given."""
        if isinstance(value, tuple):
            return value
        arms = tuple(dict.fromkeys(str(value).split(",")))
        try:
            check_arms(arms)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return arms


FRACTION = click.option(
    "--fraction", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True,
    help=FRACTION_HELP,
)  # fmt: skip
SHARED = [
    click.option(
        "--validation",
        type=click.Choice(VALIDATIONS),
        default="budget",
        show_default=True,
        help=VALIDATION_HELP,
    ),
    click.option(
        "--seeds",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Trainings of each arm, each with a random seed of its own. With one, differences between arms are not "
        "tested; 3 are the least that is worth it.",
    ),
    click.option(
        "--arms",
        type=Arms(),
        metavar="ARM,…",
        help=(
            f"Ways to start and to train that are compared, from {', '.join(ARMS)}, or the name of an objective, "
            "such as restoration.  [default: pretrained]"
        ),
    ),
    click.option(
        "--from-scratch", is_flag=True, help="Add the arm scratch: the same training, from random weights."
    ),
    click.option(
        "--checkpoint",
        "checkpoints",
        multiple=True,
        type=click.Path(path_type=Path),
        help=(
            "Pre-training run, checkpoint or imported weights; may be repeated to compare several.  [default: the "
            "newest run in ./runs that fits]"
        ),
    ),
    click.option("--freeze", is_flag=True, help="Keep the encoder fixed and train the new layers only."),
    click.option(
        "--learning-rates",
        type=Numbers(0, 10),
        metavar="RATE,…",
        help=(
            "Learning rates to try: for each arm and seed, the one with the best validation score is used.  "
            "[default: the recipe's]"
        ),
    ),
    click.option(
        "--epochs",
        type=click.IntRange(1),
        help=(
            "Epochs of fine-tuning. An epoch has 10 steps at least, or as many as fewest_steps says (in the recipe's "
            "section finetuning, or candidates of luna): a small training set is gone through several times.  "
            "[default: the recipe's]"
        ),
    ),
    RECIPE,
    setting("finetuning.batch_size=2"),
    click.option(
        "--transductive",
        is_flag=True,
        help="Allow weights whose pre-training saw test patients; every table then says so.",
    ),
    click.option(
        "--different-people",
        is_flag=True,
        help="State that test scans which look like pre-training scans are of other people; the results name them.",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="New folder for the results.  [default: evaluations/TASK-DATE-TIME]",
    ),
    click.option(
        "--resume", is_flag=True, help="Continue what was stopped in --out, or the newest unfinished folder."
    ),
    DEVICE,
]
FOLDS = click.option("--folds", type=Folds(), metavar="0-4", help=FOLDS_HELP)


class Value(click.ParamType[str]):
    """The value of an option that only some tasks have."""

    name = "value"

    def __init__(self, option: Option) -> None:
        self.option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it was typed."""
        if not self.option.accepts(str(value)):
            choices = ", ".join(map(repr, self.option.choices))
            single = ", or LABEL=CHOICE for single labels" * self.option.per_label
            self.fail(f"{value!r} is not one of {choices}{single}", param, ctx)
        return str(value)


def option_of(option: Option) -> Callable[..., Any]:
    """An option that only some tasks have."""
    plain = not (option.per_label or option.several)
    more: dict[str, Any] = {"is_flag": False, "flag_value": option.alone} if option.alone else {}
    return click.option(
        f"--{option.name}",
        type=click.Choice(option.choices) if plain else Value(option),
        metavar=None if plain else f"[{'|'.join(option.choices)}][,…]",
        default=option.default,
        show_default=True,
        help=option.help,
        **more,
    )


def options_of(*tasks: TaskEntry, fraction: bool = True) -> Callable[..., Any]:
    """The options of an evaluation, those that any of the tasks has among them."""
    own = {option.name: option_of(option) for task in tasks for option in task.options}
    folds = [FOLDS] if any(task.folds for task in tasks) else []

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed([CACHE, *([FRACTION] if fraction else []), *folds, *own.values(), *SHARED]):
            command = option(command)
        return command

    return add


def arguments_of(task: TaskEntry, options: dict[str, Any]) -> dict[str, Any]:
    """What a command was given, as `pcrl.evaluation.run` takes it; options of other tasks are left out."""
    arms = options["arms"] or ("pretrained",)
    if options["from_scratch"] and "scratch" not in arms:
        arms = (*arms, "scratch")
    of_tasks = {option.name for entry in TASKS.values() for option in entry.options}
    rest = {name: value for name, value in options.items() if name not in {*of_tasks, "from_scratch"}}
    return rest | {
        "arms": arms,
        "folds": options.get("folds") or (),
        "learning_rates": options["learning_rates"] or (),
        "options": {option.name: options[option.name] for option in task.options},
        "command": shlex.join(["pcrl", *sys.argv[1:]]),
    }


def refuse_changes() -> None:
    """With --resume, an option that would change the evaluation is an error, not ignored."""
    context = click.get_current_context()
    for name in context.params:
        given = context.get_parameter_source(name) == ParameterSource.COMMANDLINE
        if given and name not in ("task", "out", "resume", "device"):
            option = next(p.opts[0] for p in context.command.params if p.name == name)
            raise click.UsageError(
                f"--resume continues with the options that were given at the start: remove {option}"
            )
