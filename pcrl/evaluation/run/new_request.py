"""From the arguments of an evaluation to its request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pcrl.evaluation.records.arm_kinds import check_arms
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import Request
from pcrl.evaluation.tasks.registry import VALIDATIONS, entry_of
from pcrl.listing import several

Paths = Sequence[str | Path]
_ALLOWED_WITH_RESUME = frozenset(["task", "out", "resume", "device", "command", "progress"])


def new_request(
    task: str,
    *,
    cache: str | PathLike[str],
    dataset: str | None,
    runs: str | Path,
    arms: Sequence[str],
    checkpoints: Paths,
    options: Mapping[str, str] | None,
    command: str,
    fraction: float,
    seeds: int,
    folds: Sequence[int],
    learning_rates: Sequence[float],
    freeze: bool,
    epochs: int | None,
    recipe: str | Path | None,
    overrides: Sequence[str],
    transductive: bool,
    different_people: bool,
    validation: str,
) -> Request:
    """The request, as it is kept; see `pcrl.evaluation.run.evaluate.evaluate` for the arguments.

    Raises:
        ProtocolError: no such task or arm, an option that the task does not have, or numbers out of range.
    """
    entry, arms = entry_of(task), several(arms)
    if dataset is not None and entry.dataset not in (None, dataset):
        raise ProtocolError(f"{task} takes no --dataset: it always uses {entry.dataset}")
    if not isinstance(recipe, str | Path | None):
        raise ProtocolError("a recipe is kept by its name or the path of its TOML file: give one of these")
    if folds and not entry.folds:
        raise ProtocolError(f"{task} has no --folds")
    name = dataset or entry.dataset
    if name is None:
        raise ProtocolError(f"{task} needs --dataset")
    try:
        check_arms(arms)
    except ValueError as error:
        raise ProtocolError(str(error)) from error
    if not 0 < fraction <= 1:
        raise ProtocolError(f"fraction {fraction:g}: expected more than 0, and at most 1")
    if validation not in VALIDATIONS:
        raise ProtocolError(f"validation {validation!r}: expected {' or '.join(VALIDATIONS)}")
    for value, what in ((seeds, "seeds"), (epochs, "epochs")):
        if value is not None and value < 1:
            raise ProtocolError(f"{value} {what}: expected at least 1")
    if wrong := [rate for rate in learning_rates if not 0 < rate < float("inf")]:
        raise ProtocolError(f"a learning rate of {wrong[0]:g}: expected a number above 0")
    if isinstance(folds, str):
        raise ProtocolError(f"folds are whole numbers, such as range(5), not {folds!r}")
    try:
        return Request.model_validate(
            {
                "task": task,
                "dataset": name,
                "command": command,
                "cache": Path(cache).resolve(),
                "runs": Path(runs).resolve(),
                "arms": arms,
                "checkpoints": tuple(Path(path).resolve() for path in several(checkpoints)),
                "fraction": fraction,
                "seeds": seeds,
                "folds": tuple(folds),
                "learning_rates": tuple(learning_rates),
                "freeze": freeze,
                "epochs": epochs,
                "recipe": None if recipe is None else str(recipe),
                "overrides": several(overrides),
                "transductive": transductive,
                "different_people": different_people,
                "validation": validation,
                "options": entry.with_defaults(options or {}),
            }
        )
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, item['loc']))} cannot be {item['input']!r}" for item in error.errors()]
        raise ProtocolError("; ".join(faults)) from error


def arguments_given(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call that differ from their defaults."""
    parameters = inspect.signature(function).parameters
    return {
        name: value
        for name, value in arguments.items()
        if name in parameters and value != parameters[name].default
    }


def refuse_changes(arguments: Mapping[str, Any]) -> None:
    """A resumed evaluation keeps its options: any others are an error, not ignored.

    Args:
        arguments: those that are given with `resume`.

    Raises:
        ProtocolError: one of them would change the evaluation.
    """
    if others := sorted(arguments.keys() - _ALLOWED_WITH_RESUME):
        raise ProtocolError(
            f"--resume continues with the arguments that were given at the start: remove {', '.join(others)}"
        )


def call_in_words(function: str, arguments: Mapping[str, Any]) -> str:
    """The call of a function, as it is kept where no command was typed."""
    kept = {name: value for name, value in arguments.items() if name not in ("task", "progress", "command")}
    words = [repr(arguments["task"]), *(f"{name}={value!r}" for name, value in kept.items())]
    return f"pcrl.{function}({', '.join(words)})"
