"""What all evaluations are asked, and where their weights come from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .console import console
from .device import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pcrl.config import Model
    from pcrl.evaluation.protocol import Tested
    from pcrl.evaluation.runs import Pretrained

RUNS = Path("runs")
"""Where pre-training puts its runs, and an evaluation looks for them."""
SHARED = [
    click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True),
    click.option(
        "--fraction", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True,
        help="Share of the labelled training patients.",
    ),
    click.option(
        "--checkpoint", type=click.Path(path_type=Path),
        help="Run, checkpoint or imported weights.  [default: newest compatible run in ./runs]",
    ),
    click.option("--from-scratch", is_flag=True, help="Also the same network without pre-training."),
    click.option("--seeds", type=click.IntRange(1), default=1, show_default=True),
    click.option("--epochs", type=click.IntRange(1), help="Epochs of fine-tuning.  [default: the recipe's]"),
    click.option("--recipe", help="[default: the one the cache was made for]"),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting."),
    click.option("--transductive", is_flag=True, help="Allow test patients in pre-training, and say so."),
    click.option("--out", type=click.Path(path_type=Path), help="[default: evaluations/TASK-DATE-TIME]"),
    DEVICE,
]  # fmt: skip


def shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every evaluation."""
    for option in reversed(SHARED):
        command = option(command)
    return command


def pretrained_for(
    model: Model, checkpoint: Path | None, cache: Path, from_scratch: bool
) -> Pretrained | None:
    """The weights that are asked for, or those of the newest run that fits; none only if there are others to train.

    Raises:
        ProtocolError: no run fits, or the weights are of another kind of network.
    """
    from pcrl.evaluation.protocol import ProtocolError
    from pcrl.evaluation.runs import describe, newest_compatible, open_run

    if checkpoint is not None:
        found = open_run(checkpoint)
        if found.model.network != model.network:
            raise ProtocolError(
                f"{checkpoint} holds weights of {describe(found.model)}; this evaluation needs {describe(model)}"
            )
    else:
        newest, passed_over = newest_compatible(RUNS, model)
        for line in passed_over:
            console.print(f"[yellow]passed over[/] {line}")
        if newest is None and not from_scratch:
            raise ProtocolError(
                f"no finished run in ./runs fits. Make one:\n  pcrl pretrain --cache {cache}\nor give --checkpoint, "
                "or --from-scratch for the network without pre-training"
            )
        if newest is None:
            return None
        found = newest
        console.print(f"Pre-trained weights: {found.path}, the newest compatible run.")
    console.print(f"Pre-training started from: {found.start}.")
    return found


def saw_test(weights: Pretrained, test: Iterable[Tested], transductive: bool) -> bool:
    """Whether pre-training saw test cases, and that is allowed; says so where it is not known."""
    from pcrl.evaluation.protocol import check_leak

    if not weights.known:
        console.print(
            f"[yellow]note[/] not everything that {weights.path} was pre-trained on is known: make sure that no test "
            "patient is among it"
        )
    if weights.record is None:
        return False
    return check_leak(weights.record, str(weights.path), test, transductive)


def new_folder(out: Path | None, task: str) -> Path:
    """The folder for the results, which holds nothing yet.

    Raises:
        ProtocolError: it does.
    """
    from pcrl.evaluation.protocol import ProtocolError

    out = out or Path("evaluations") / f"{task}-{datetime.now():%Y%m%d-%H%M%S}"
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ProtocolError(f"{out} is not empty: give another --out")
    return out
