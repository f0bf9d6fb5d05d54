"""What all evaluations are asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .device import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("pretrained", "scratch", "scratch-long", "permuted", "restoration", "comparison", "shuffled")
"""As in `pcrl.evaluation.arms.arm`, which is not loaded for `--help`; a test holds one against the other."""


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
            self.fail(f"{value!r} is no list of numbers such as 0.1,0.5", param, ctx)
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
            self.fail(f"{value!r} are no folds such as 0-9 or 0,3", param, ctx)
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
        if unknown := [arm for arm in arms if arm not in KINDS]:
            self.fail(f"no arm {unknown[0]!r}; there are {', '.join(KINDS)}", param, ctx)
        return arms


CACHE = click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True)
FRACTION = click.option(
    "--fraction", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True,
    help="Share of the labelled training patients.",
)  # fmt: skip
SHARED = [
    click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Trainings of each arm."),
    click.option(
        "--arms", type=Arms(), metavar="ARM,…",
        help=f"Of {', '.join(KINDS)}.  [default: pretrained]",
    ),
    click.option("--from-scratch", is_flag=True, help="Also the arm scratch: the same without pre-training."),
    click.option(
        "--checkpoint", "checkpoints", multiple=True, type=click.Path(path_type=Path),
        help="Run, checkpoint or imported weights; several are compared.  [default: newest that fits in ./runs]",
    ),
    click.option("--freeze", is_flag=True, help="The encoder stays as it is: only what is new is trained."),
    click.option(
        "--learning-rates", type=Numbers(0, 10), metavar="RATE,…",
        help="Validation patients choose one, for every arm and seed anew.  [default: the recipe's]",
    ),
    click.option("--epochs", type=click.IntRange(1), help="Epochs of fine-tuning.  [default: the recipe's]"),
    click.option("--recipe", help="[default: the one the cache was made for]"),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting."),
    click.option("--transductive", is_flag=True, help="Allow test patients in pre-training, and say so."),
    click.option("--out", type=click.Path(path_type=Path), help="[default: evaluations/TASK-DATE-TIME]"),
    click.option("--resume", is_flag=True, help="Go on with the one in --out, or the newest unfinished one."),
    DEVICE,
]  # fmt: skip
FOLDS = click.option(
    "--folds", type=Folds(), metavar="0-4",
    help="Test these folds in turn: LUNA16's own ten, five of other data.  [default: the data's own split]",
)  # fmt: skip
VIEWS = click.option(
    "--views", type=click.Choice(["frontal", "all"]), default="frontal", show_default=True,
    help="Images of no stated view count as frontal.",
)  # fmt: skip
UNCERTAIN = click.option(
    "--uncertain", type=click.Choice(["ones", "zeros", "ignore"]), default="ones", show_default=True,
    help="What an uncertain label counts as in training.",
)  # fmt: skip
TARGET = click.option(
    "--target", type=click.Choice(["liver", "tumour"]), default="liver", show_default=True,
    help="The liver (tumours belong to it), or the liver and the tumours in it.",
)  # fmt: skip


def options_of(*own: Callable[..., Any], fraction: bool = True) -> Callable[..., Any]:
    """The options of an evaluation, those of its own among them."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed([CACHE, *([FRACTION] if fraction else []), *own, *SHARED]):
            command = option(command)
        return command

    return add
