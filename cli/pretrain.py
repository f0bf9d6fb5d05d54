"""`pcrl pretrain`: an encoder from what is in the cache, without labels."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .console import console, duration, note_slow_reading, tell_note, user_errors
from .device import DEVICE

if TYPE_CHECKING:
    from pcrl.training.log import Progress as RunProgress
    from pcrl.training.trainer import Trainer


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True)
@click.option("--dataset", "names", multiple=True, help="Only these.  [default: all in the cache]")
@click.option("--recipe", help="Built-in name or a .toml file.  [default: the one the cache was made for]")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder.  [default: runs/RECIPE-DATE-TIME]")
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    help="A run, a checkpoint, imported weights, or a file: a published checkpoint, torchvision's resnet18.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the run in --out, or with the newest unfinished one."
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as training.epochs=10.")
@DEVICE
def pretrain(
    cache: Path,
    names: tuple[str, ...],
    recipe: str | None,
    out: Path | None,
    init: Path | None,
    resume: bool,
    overrides: tuple[str, ...],
    device: str,
) -> None:
    """Pre-train an encoder, by default as PCRLv2 does. Test and validation patients are never seen.

    Stopped at any time (Ctrl-C, SIGTERM, even SIGKILL), it goes on with --resume as if nothing had happened.

    \b
    Examples:
      pcrl pretrain --cache ./cache
      pcrl pretrain --cache ./cache --recipe cpu-3d --set training.epochs=5 --out runs/first
      pcrl pretrain --cache ./cache --out runs/first --resume
    """
    from pcrl.config import RecipeError
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.loading.ring import LoaderError
    from pcrl.models.device import DeviceError
    from pcrl.models.weights.published import WeightsError
    from pcrl.training.pretrain import pretrain as run
    from pcrl.training.run_folder import RunError
    from pcrl.training.trainer import TrainingError

    kinds = (RecipeError, CacheError, LoaderError, DeviceError, WeightsError, RunError, TrainingError)
    shown = _Shown()
    with user_errors(*kinds), shown.bar:
        result = run(
            cache, datasets=names, recipe=recipe, overrides=overrides, out=out, init=init, resume=resume,
            device=device, observer=shown,
        )  # fmt: skip
    if not result.finished:
        go_on = f"pcrl pretrain --cache {cache} --out {result.folder} --resume"
        console.print(f"Stopped, and saved. Go on with: {go_on}")
        raise SystemExit(130)
    if not shown.has_begun:
        console.print(f"{result.folder} is finished already.")
        return
    folder = result.folder
    console.print(
        f"Finished: {folder} (weights in {folder / 'checkpoints'}, pictures in {folder / 'pictures'}, log in "
        f"{folder / 'metrics.jsonl'}; tensorboard --logdir {folder})."
    )
    if result.fallbacks:
        console.print(
            f"For {result.fallbacks} samples no two boxes were found that overlap enough and hold enough tissue; the "
            "best of the draws was taken."
        )


class _Shown:
    """What a pre-training tells, on the terminal; Ctrl-C and SIGTERM save it and end it."""

    def __init__(self) -> None:
        self.has_begun = False
        self._names: list[str] = []
        columns = (TextColumn("{task.fields[text]}"), BarColumn(), TimeElapsedColumn(), TextColumn("ETA"))
        self.bar = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._line = self.bar.add_task("train", total=None, text="", visible=False)

    def note(self, text: str) -> None:
        """See `Observer`."""
        tell_note(text)

    def preparing(self) -> None:
        """See `Observer`."""
        note_slow_reading()
        console.print("Compiling kernels, once, and timing a step …")

    def begun(self, trainer: Trainer, start: str, seconds_per_step: float) -> None:
        """See `Observer`."""
        self.has_begun = True
        _stop_on_signals(trainer)
        _announce(trainer, start, seconds_per_step)
        self._names = [name for name, reading in trainer.readings.items() if reading.shown]
        for name in self._names:
            console.print(f"  {name}: {trainer.readings[name].text}", markup=False)
        self.bar.update(self._line, total=trainer.steps, completed=trainer.steps_done, visible=True)

    def progress(self, progress: RunProgress) -> None:
        """See `Observer`."""
        scalars = " ".join(f"{name} {progress.scalars[name]:.3f}" for name in self._names)
        speed = f"{progress.samples_per_second:.1f} samples/s, waiting {progress.waiting:.0%}"
        text = f"epoch {progress.epoch} {scalars} | {speed}"
        self.bar.update(self._line, completed=progress.step, text=text)
        if not console.is_terminal:
            console.print(f"step {progress.step}/{progress.steps} {text}")


def _announce(trainer: Trainer, start: str, seconds_per_step: float) -> None:
    from pcrl.models.precision import in_use

    recipe, selection, left = trainer.recipe, trainer.selection, trainer.steps - trainer.steps_done
    numbers = str(in_use(trainer.device)).removeprefix("torch.")
    console.print(
        f"{selection.describe()}; {selection.held_back} cases held back for evaluation.\n"
        f"Recipe {recipe.name}, objective {recipe.objective.name}, start: {start}. {trainer.device}, {numbers}: about "
        f"{duration(seconds_per_step * left)} for {left} steps of {recipe.training.batch_size} samples. "
        f"Run folder: {trainer.out}"
    )
    if trainer.device.type == "cpu" and seconds_per_step * left > 6 * 3600:
        tell_note(
            f"That is for a GPU. Here, try the small recipe: ingest with --recipe cpu-{recipe.dimensions}d, then "
            "pretrain"
        )


def _stop_on_signals(trainer: Trainer) -> None:
    def stop(*_: Any) -> None:
        trainer.stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
