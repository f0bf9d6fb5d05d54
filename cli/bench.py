"""`pcrl bench`: whether this machine can feed its GPU from this cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from pcrl.cores import usable_cores
from pcrl.listing import counted

from . import bench_device
from .cache_options import CACHE, DATASETS, RECIPE, setting
from .console import console, note_slow_reading, tell_note, user_errors

if TYPE_CHECKING:
    from pcrl.config import Recipe
    from pcrl.engine.loading.measure import Paced, Rate, Reads

STORAGE = {
    "a hard disk": 150, "1 Gbit network": 110, "SATA SSD": 500, "10 Gbit network": 1000, "NVMe SSD": 2500,
}  # fmt: skip
"""MB/s that can be had in long reads."""
_COLD = 4
"""The measurement from cold storage goes on for so many times the seconds of another, or for one epoch."""
_MAY_WAIT = 0.05
"""Share of the time that a GPU may wait for storage that is said to keep up."""
_SPARE = 1.1
"""Threads are advised that make so many times the samples that are needed."""


@click.command()
@CACHE
@DATASETS
@RECIPE
@click.option(
    "--threads",
    type=click.IntRange(1),
    multiple=True,
    help="Number of threads to measure; may be repeated.  [default: 1, 2, 4, … one per core]",
)
@click.option(
    "--step-time",
    type=click.FloatRange(0, min_open=True),
    metavar="MS",
    help="Time of one training step on your GPU.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    default=5.0,
    show_default=True,
    help="Length of each measurement.",
)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    help="Also try batch sizes on this device, and take the time of a step from there.",
)
@click.option("--cold", is_flag=True, help="Also measure with nothing of the cache in memory.")
@setting("training.batch_size=16")
def bench(
    cache: Path,
    names: tuple[str, ...],
    recipe: str | None,
    threads: tuple[int, ...],
    step_time: float | None,
    seconds: float,
    device: str | None,
    cold: bool,
    overrides: tuple[str, ...],
) -> None:
    """Measure how many samples a second this machine makes from a cache, and say how many threads a GPU needs.

    \b
    Examples, for a GPU that takes 150 ms a step, and for the one of this machine:
      pcrl bench --cache ./cache --step-time 150
      pcrl bench --cache ./cache --device cuda
    """
    from pcrl.config import RecipeError
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.loading.measure import paced, rate, reads
    from pcrl.engine.loading.order import LoaderError
    from pcrl.engine.recipe import recipe_for
    from pcrl.engine.selection.select import select
    from pcrl.models.device import DeviceError, device_named

    with user_errors(RecipeError, CacheError, LoaderError, DeviceError):
        opened = Cache(cache)
        settings = recipe_for(opened, names, recipe, overrides, tell_note, mixed=True)
        selection = select(opened, names, settings)
        renderer = selection.renderer()
        if sum(renderer.groups) < settings.training.batch_size:
            raise CacheError(
                f"{cache} holds {counted(len(selection), 'case')} to train on, less than a batch of "
                f"{settings.training.batch_size}: set training.batch_size or training.samples_per_case"
            )
        if device is not None:
            measured = bench_device.step_time(settings, device_named(device))
            step_time = measured if step_time is None else step_time
        note_slow_reading()
        rates = []
        for number in threads or _doublings(usable_cores()):
            with console.status(f"measuring with {counted(number, 'thread')}"):
                rates.append(rate(renderer, number, seconds))
        console.print(_table(rates, settings))
        best = max(rates, key=lambda r: r.samples)
        needs = reads(renderer)
        console.print(_advice(rates, settings, step_time, needs))
        if step_time is not None:
            with console.status("measuring with a pause for every step"):
                warm = paced(renderer, best.threads, step_time / 1e3, seconds=seconds)
            console.print(_waited("From memory", warm, step_time, best.threads))
        if cold:
            with console.status("measuring from cold storage"):
                from_cold = paced(
                    renderer, best.threads, (step_time or 0.0) / 1e3, cold=True, seconds=_COLD * seconds
                )
            console.print(_waited("From cold storage", from_cold, step_time, best.threads))
            console.print(_storage(from_cold, needs, best, settings, step_time))


def _threads(number: int) -> str:
    return "1 thread keeps" if number == 1 else f"{number} threads keep"


def _doublings(cores: int) -> list[int]:
    return sorted({2**n for n in range(cores.bit_length()) if 2**n <= cores} | {cores})


def _table(rates: list[Rate], settings: Recipe) -> Table:
    stages = list(rates[0].stages)
    table = Table(
        "threads", "samples/s", "×", f"a batch of {settings.training.batch_size} every",
        *[f"{stage}, ms" for stage in stages],
        title=f"Recipe {settings.name}; milliseconds a sample and thread", title_justify="left",
    )  # fmt: skip
    for each in rates:
        table.add_row(
            str(each.threads),
            f"{each.samples:.1f}",
            f"{each.samples / rates[0].samples:.2f}",
            f"{1e3 * settings.training.batch_size / each.samples:.0f} ms",
            *[f"{each.stages[stage]:.2f}" for stage in stages],
        )
    return table


def _advice(rates: list[Rate], settings: Recipe, step_time: float | None, needs: Reads) -> str:
    batch = settings.training.batch_size
    best = max(rates, key=lambda r: r.samples)
    storage = f"A sample reads {counted(round(needs.chunks), 'chunk')}, {needs.bytes / 1e6:.2f} MB."
    if step_time is None:
        return (
            f"{_threads(best.threads)} a GPU busy that takes {1e3 * batch / best.samples:.0f} ms or more for a step. "
            f"{storage} Give --step-time to learn how many threads yours needs."
        )
    needed = 1e3 * batch / step_time
    enough = [r for r in rates if r.samples >= _SPARE * needed]
    if enough:
        least = min(enough, key=lambda r: r.threads)
        keep = _threads(least.threads)
        return f"{keep} this GPU busy: a step of {step_time:g} ms needs {needed:.0f} samples/s. {storage}"
    return (
        f"Not enough: a step of {step_time:g} ms needs {needed:.0f} samples/s; "
        f"{counted(best.threads, 'thread')} made {best.samples:.0f} at best, so that the GPU waits "
        f"{max(0.0, 1 - best.samples / needed):.0%} of the time. More cores, or fewer views.locals, help. {storage}"
    )


def _waited(where: str, result: Paced, step_time: float | None, threads: int) -> str:
    if step_time is None:
        speed = f"{result.samples:.0f} samples/s, {result.megabytes:.0f} MB/s read."
        return f"{where} with {counted(threads, 'thread')}: {speed}"
    return (
        f"{where}, with a step of {step_time:g} ms and {counted(threads, 'thread')}: after the first batch "
        f"({result.first:.1f} s) the GPU waits {result.waiting:.1%} of the time for a batch, and threads wait "
        f"{result.idle:.0%} of theirs for the GPU. "
        f"{result.samples:.0f} samples/s, {result.megabytes:.0f} MB/s of the cache."
    )


def _storage(result: Paced, needs: Reads, best: Rate, settings: Recipe, step_time: float | None) -> str:
    """Which storage keeps up, if the cache does not fit in memory."""
    most = best.samples
    if step_time is not None:
        most = min(most, 1e3 * settings.training.batch_size / step_time)
    needed = most * needs.sequential / 1e6
    fast = [f"{name} ({speed} MB/s)" for name, speed in STORAGE.items() if speed >= _SPARE * needed]
    keeps_up = result.waiting < _MAY_WAIT if step_time else result.samples > most / _SPARE
    return (
        f"A cache larger than memory is read once an epoch, file by file: {needs.sequential / 1e6:.2f} MB a sample, "
        f"{needed:.0f} MB/s for {most:.0f} samples/s. By their usual speeds these suffice: "
        f"{', '.join(fast) or 'none, only memory'}. This storage "
        + (
            "keeps up."
            if keeps_up
            else "does not keep up: more training.samples_per_case, or a cache with --codec zstd, ask less "
            "of it."
        )
    )
