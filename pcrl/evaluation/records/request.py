"""The options of an evaluation, kept in its folder: so a killed one can be resumed, and anyone can read what it was."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from pcrl.evaluation.records.arm_kinds import check_arms
from pcrl.evaluation.records.stored import load_stored
from pcrl.files import Record, save_record

FORMAT = 1
REQUEST = "evaluation.json"
_BESIDE = {"target": "liver", "views": "frontal", "uncertain": "ones"}
"""Options that every evaluation stores beside its other fields, whether its task has them or not, as the first
evaluations did; and their values where nothing is said."""
_NOT_PROTOCOL = {
    *("format", "task", "dataset", "command", "runs", "recipe", "overrides"),
    *("controls", "weights", "identity", "rebuild"),
}
EARLIER: Final = "earlier"
"""`validation` of evaluations that were begun when nobody was asked: they go on by the rules that held then."""
_LATER = {"validation": EARLIER, "different_people": False}
"""Fields that are younger than the first evaluations, and the values with which they are not stored."""

_LATER = {"different_people": False}
"""Fields that are younger than the first evaluations, and the values with which they are not stored."""


class Request(Record):
    """Everything that determines the results of an evaluation.

    Args:
        cache, checkpoints, runs: absolute paths; `runs` is where the newest run is looked for.
        validation: who chooses the epoch; see `pcrl.evaluation.cohorts.budget`. It is not in the JSON of evaluations
            that were begun earlier. These go on as they began: with the validation patients they had, without a fewest
            number of steps, and with BatchNorm's statistics as training left them.
        options: those that only some tasks have, by the names in `pcrl.evaluation.tasks.registry`. In JSON the three
            oldest of them stand beside the other fields.
        controls: runs of the arms that are called like an objective, `weights` a digest of those of each run,
            `identity` one of the content of the cache, and `rebuild` what `pcrl predict` needs: known once it has
            begun.
    """

    format: int = FORMAT
    task: str
    dataset: str
    command: str
    cache: Path
    runs: Path
    arms: tuple[str, ...] = ("pretrained",)
    checkpoints: tuple[Path, ...] = ()
    fraction: float = 1.0
    seeds: int = 1
    folds: tuple[int, ...] = ()
    learning_rates: tuple[float, ...] = ()
    freeze: bool = False
    epochs: int | None = None
    recipe: str | None = None
    overrides: tuple[str, ...] = ()
    transductive: bool = False
    different_people: bool = False
    validation: Literal["budget", "all", "earlier"] = EARLIER
    options: dict[str, str] = Field(default_factory=dict)
    controls: dict[str, Path] = Field(default_factory=dict)
    weights: dict[str, str] = Field(default_factory=dict)
    identity: str = ""
    rebuild: dict[str, Any] = Field(default_factory=dict)

    @field_validator("arms")
    @classmethod
    def _known(cls, arms: tuple[str, ...]) -> tuple[str, ...]:
        check_arms(arms)
        return arms

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        beside = {name: values[name] for name in _BESIDE if name in values}
        rest = {name: value for name, value in values.items() if name not in _BESIDE}
        options = rest.get("options", {})
        return rest | {"options": _BESIDE | beside | options} if isinstance(options, dict) else rest

    @model_serializer(mode="wrap")
    def _spread(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored: dict[str, Any] = {}
        for name, value in serialize(self).items():
            if _LATER.get(name, ...) == value:
                continue
            if name != "options":
                stored[name] = value
                continue
            stored |= {option: self.options.get(option, default) for option, default in _BESIDE.items()}
            if others := {option: self.options[option] for option in self.options if option not in _BESIDE}:
                stored[name] = others
        return stored

    def protocol(self, options: Container[str]) -> dict[str, Any]:
        """What a report shows of it.

        Args:
            options: those that the task has; values of others are stored, and mean nothing to it.
        """
        shown = self.model_dump(mode="json", exclude=_NOT_PROTOCOL)
        return {name: value for name, value in shown.items() if name not in _BESIDE or name in options}


def save_request(request: Request, folder: Path) -> None:
    """Write `evaluation.json`."""
    save_record(request, folder / REQUEST)


def load_request(folder: Path) -> Request:
    """Read `evaluation.json` of an evaluation's folder.

    Raises:
        ProtocolError: missing or damaged.
    """
    return load_stored(Request, folder / REQUEST, "it holds no evaluation")
