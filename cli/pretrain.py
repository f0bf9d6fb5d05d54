"""`pcrl pretrain`: PCRLv2 on what is in the cache."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .console import console, duration, note_slow_reading, tell_note, user_errors
from .device import DEVICE, device_named

if TYPE_CHECKING:
    from pcrl.training.trainer import Progress as Report
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
    """Pre-train a PCRLv2 encoder. Test and validation patients are never seen.

    Stopped at any time (Ctrl-C, SIGTERM, even SIGKILL), it goes on with --resume as if nothing had happened.

    \b
    Examples:
      pcrl pretrain --cache ./cache
      pcrl pretrain --cache ./cache --recipe cpu-3d --set training.epochs=5 --out runs/first
      pcrl pretrain --cache ./cache --out runs/first --resume
    """
    from pcrl.config import RecipeError
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.loading.ring import LoaderError
    from pcrl.engine.recipe import recipe_for
    from pcrl.engine.selection import select
    from pcrl.models.weights.published import WeightsError
    from pcrl.training import run_folder
    from pcrl.training.start import open_start
    from pcrl.training.trainer import Trainer, TrainingError

    kinds = (RecipeError, CacheError, LoaderError, WeightsError, run_folder.RunError, TrainingError)
    with user_errors(*kinds):
        where = device_named(device)
        opened = Cache(cache)
        if resume:
            out = out or _newest_unfinished(Path("runs"))
            settings = run_folder.read(out).recipe
            if recipe or overrides or init:
                raise run_folder.RunError(
                    "--resume goes on with the run's own settings: leave --recipe, --set, --init"
                )
            names = run_folder.read(out).datasets
        else:
            settings = recipe_for(opened, names, recipe, overrides, tell_note)
        selection = select(opened, names, settings)
        if not len(selection):
            raise TrainingError(
                f"{cache} holds no case to train on: all {selection.held_back} are held for evaluation"
            )
        weights, start = open_start(init, settings)
        out = out or Path("runs") / f"{settings.name}-{datetime.now():%Y%m%d-%H%M%S}"
        if resume:
            if run_folder.is_finished(out):
                console.print(f"{out} is finished already.")
                return
            if run_folder.read(out).identity != selection.identity():
                raise run_folder.RunError(f"{cache} is no longer what {out} was trained on: start a new run")
        else:
            run_folder.create(out, settings, selection, start)
        trainer = Trainer(selection, settings, out, where, weights=weights, resume=resume)
        _announce(trainer, out, "the last checkpoint" if resume else start.words, where)
        _stop_on_signals(trainer)
        with _bar() as bar:
            line = bar.add_task("train", total=trainer.order.steps * settings.training.epochs, text="")
            finished = trainer.run(_shower(bar, line))
    if not finished:
        console.print(f"Stopped, and saved. Go on: pcrl pretrain --cache {cache} --out {out} --resume")
        raise SystemExit(130)
    console.print(
        f"Finished: {out} (weights in {out / 'checkpoints'}, pictures in {out / 'pictures'}, log in "
        f"{out / 'metrics.jsonl'}; tensorboard --logdir {out})."
    )
    if settings.dimensions == 3:
        console.print(
            f"{trainer.fallbacks} samples had no box pair that kept all rules; the best draw was taken."
        )


def _announce(trainer: Trainer, out: Path, start: str, device: Any) -> None:
    from pcrl.models.precision import in_use
    from pcrl.training.timing import seconds_per_step

    settings, order = trainer.recipe, trainer.order
    steps = order.steps * settings.training.epochs
    done = trainer.position.epoch * order.steps + trainer.position.step
    note_slow_reading()
    console.print("Compiling kernels, once, and timing a step …")
    with console.status("compiling and timing"):
        seconds = seconds_per_step(settings, device)
    console.print(
        f"{trainer.selection.describe()}; "
        f"{trainer.selection.held_back} cases held back for evaluation.\n"
        f"Recipe {settings.name}, start: {start}. {device}, {str(in_use(device)).removeprefix('torch.')}: about "
        f"{duration(seconds * (steps - done))} for {steps - done} steps of {settings.training.batch_size} samples. "
        f"Run folder: {out}"
    )
    if device.type == "cpu" and seconds * (steps - done) > 6 * 3600:
        console.print(
            f"[yellow]note[/] That is for a GPU. Here, try the small recipe: ingest with --recipe "
            f"cpu-{settings.dimensions}d, then pretrain"
        )


def _shower(bar: Progress, line: Any) -> Callable[[Report], None]:
    def show(report: Report) -> None:
        shown = " ".join(
            f"{name} {report.terms[name]:.3f}" for name in ("loss", "restoration", "global_cosine")
        )
        text = f"epoch {report.epoch + 1} {shown} | {report.samples_per_second:.1f} samples/s, waiting "
        bar.update(line, completed=report.step, text=text + f"{report.waiting:.0%}")
        if not console.is_terminal:
            console.print(f"step {report.step}/{report.steps} {text}{report.waiting:.0%}")

    return show


def _bar() -> Progress:
    columns = (TextColumn("{task.fields[text]}"), BarColumn(), TimeElapsedColumn(), TextColumn("ETA"))
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)


def _stop_on_signals(trainer: Trainer) -> None:
    def stop(*_: object) -> None:
        trainer.stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _newest_unfinished(runs: Path) -> Path:
    from pcrl.training.run_folder import RUN, RunError, is_finished

    found = [path.parent for path in runs.glob(f"*/{RUN}") if not is_finished(path.parent)]
    if not found:
        raise RunError(f"no unfinished run in {runs}: give it with --out")
    newest = max(found, key=lambda path: (path / RUN).stat().st_mtime)
    console.print(f"Going on with {escape(str(newest))}.")
    return newest
