"""`pcrl bench`: whether this machine can feed its GPU from this cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from .console import console, note_slow_reading, user_errors
from .recipe import recipe_for

if TYPE_CHECKING:
    from pcrl.config import VolumeRecipe
    from pcrl.engine.measure import Rate, Reads

_SPARE = 1.1
"""Threads are advised that make so many times the samples that are needed."""


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True)
@click.option("--dataset", "names", multiple=True, help="Only these.  [default: all in the cache]")
@click.option("--recipe", help="Built-in name or a .toml file.  [default: the one the cache was made for]")
@click.option("--threads", type=click.IntRange(1), multiple=True, help="[default: 1, 2, 4, … one a core]")
@click.option(
    "--step-time", type=click.FloatRange(0, min_open=True), metavar="MS", help="Of a step on your GPU."
)
@click.option(
    "--seconds", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Of each measurement."
)
@click.option("--cold", is_flag=True, help="Also measure an epoch with nothing of the cache in memory.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as training.batch_size=16."
)
def bench(
    cache: Path,
    names: tuple[str, ...],
    recipe: str | None,
    threads: tuple[int, ...],
    step_time: float | None,
    seconds: float,
    cold: bool,
    overrides: tuple[str, ...],
) -> None:
    """Measure how many samples a second this machine makes from a cache, and say how many threads a GPU needs.

    \b
    Example, for a GPU that takes 150 ms a step:
      pcrl bench --cache ./cache --step-time 150
    """
    from pcrl.config import RecipeError
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.loader import LoaderError
    from pcrl.engine.measure import cold_rate, rate, reads
    from pcrl.training.selection import select

    with user_errors(RecipeError, CacheError, LoaderError):
        opened = Cache(cache)
        datasets = opened.datasets(names)
        settings = recipe_for(datasets, recipe, overrides)
        selection = select(datasets, opened.datasets(), settings.views.tissue)
        count = len(selection.cases) * settings.training.samples_per_case
        if count < settings.training.batch_size:
            raise CacheError(
                f"{cache} holds {len(selection.cases)} cases to train on, less than a batch of "
                f"{settings.training.batch_size}: set training.batch_size or training.samples_per_case"
            )
        note_slow_reading()
        rates = []
        for number in threads or _doublings(len(os.sched_getaffinity(0))):
            with console.status(f"{number} threads"):
                rates.append(rate(selection.cases, selection.rules, settings, number, seconds))
        console.print(_table(rates, settings))
        console.print(_advice(rates, settings, step_time, reads(selection.cases, selection.rules, settings)))
        if cold:
            most = max(rates, key=lambda r: r.samples)
            samples, megabytes = cold_rate(selection.cases, selection.rules, settings, most.threads)
            console.print(
                f"From cold storage, one epoch with {most.threads} threads: {samples:.0f} samples/s, "
                f"{megabytes:.0f} MB/s read; {samples / most.samples:.0%} of the rate from memory."
            )


def _doublings(cores: int) -> list[int]:
    return sorted({2**n for n in range(cores.bit_length()) if 2**n <= cores} | {cores})


def _table(rates: list[Rate], settings: VolumeRecipe) -> Table:
    stages = list(rates[0].stages)
    table = Table(
        "threads", "samples/s", "×", f"a batch of {settings.training.batch_size} every",
        *[f"{stage}, ms" for stage in stages],
        title=f"VolumeRecipe {settings.name}; milliseconds a sample and thread", title_justify="left",
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


def _advice(rates: list[Rate], settings: VolumeRecipe, step_time: float | None, needs: Reads) -> str:
    batch = settings.training.batch_size
    best = max(rates, key=lambda r: r.samples)
    storage = f"A sample reads {needs.chunks:.0f} chunks, {needs.bytes / 1e6:.2f} MB"
    if step_time is None:
        return (
            f"{best.threads} threads keep a GPU busy that takes {1e3 * batch / best.samples:.0f} ms or more a step. "
            f"{storage}. Give --step-time for advice on yours."
        )
    needed = 1e3 * batch / step_time
    storage += f": {needed * needs.bytes / 1e6:.0f} MB/s if the cache does not fit in memory."
    enough = [r for r in rates if r.samples >= _SPARE * needed]
    if enough:
        least = min(enough, key=lambda r: r.threads)
        return f"{least.threads} threads suffice: a step of {step_time:g} ms needs {needed:.0f} samples/s. {storage}"
    return (
        f"[yellow]Not enough:[/] a step of {step_time:g} ms needs {needed:.0f} samples/s; "
        f"{best.threads} threads make {best.samples:.0f}, so that the GPU waits "
        f"{max(0.0, 1 - best.samples / needed):.0%} of the time. More cores, or fewer views.locals, help. {storage}"
    )
