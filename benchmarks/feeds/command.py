"""All feeds, one after the other, and the table of them."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import signal
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from table import write

from feeds.drive import Driven, Driver
from feeds.on_device import views_of
from feeds.volumes import memory_maps
from feeds.workers import Crops, Make, Samples, batches
from pcrl.config import VolumeRecipe, load_recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.loading.loader import Loader
from pcrl.engine.selection.select import select
from pcrl.engine.selection.selection import Selection
from pcrl.engine.selection.volumes import VolumeSelection
from pcrl.training.objectives.objective import Views

_ENDLESS = 1_000_000
HEADER = (
    "", "threads or processes", "samples/s", "least – most", "share of the time beside the step",
    "the device waited, as logged",
)  # fmt: skip
Drive = Callable[[float], Driven]


def measure_all(
    device: torch.device, out: Path, cache: Path, recipe: str, seconds: float, rounds: int, compiled: bool
) -> None:
    """Measure every feed, in turns, until time is up; what is known is written after each of them."""
    settings = load_recipe(recipe, [f"training.samples_per_case={1024}"])
    selection = select(Cache(cache), (), settings)
    found: dict[tuple[str, int], list[Driven]] = {}
    driver = Driver(settings, device, compiled)
    try:
        for _ in range(rounds):
            driver.measure_alone(seconds / 2)
            _say(out, {"what": "a step alone", "batch": driver.batch, "seconds": driver.alone})
            _write(driver, selection, out, found, shown=False)
            for name, drive in _feeds(driver, selection, out).items():
                _keep(out, name, drive, seconds, found)
                _write(driver, selection, out, found, shown=False)
    except TimeoutError as error:
        print(error)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if driver.alone < float("inf"):
        _write(driver, selection, out, found, shown=True)


def _keep(
    out: Path, name: tuple[str, int], drive: Drive, seconds: float, found: dict[tuple[str, int], list[Driven]]
) -> None:
    try:
        driven = drive(seconds)
        values = asdict(driven) | {"samples": driven.samples}
        found.setdefault(name, []).append(driven)
    except TimeoutError:
        raise
    except Exception as error:  # a library that does not work here costs only its own row
        values = {"failed": f"{type(error).__name__}: {error}"}
    gc.collect()  # ends threads and processes of the feed
    _say(out, {"what": name[0], "workers": name[1]} | values)


def _say(out: Path, values: Mapping[str, Any]) -> None:
    line = json.dumps(values)
    print(line, flush=True)
    with (out / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _feeds(driver: Driver, selection: Selection, out: Path) -> dict[tuple[str, int], Drive]:
    """Every feed by name and number of workers, those that matter most first."""
    cores = len(os.sched_getaffinity(0))
    threads = sorted({2**n for n in range(cores.bit_length()) if 2**n <= cores} | {cores, min(3, cores)})
    own: dict[tuple[str, int], Drive] = {
        ("pcrl", count): partial(_own, driver, selection, count) for count in reversed(threads)
    }
    if not isinstance(selection, VolumeSelection):
        return own
    paths, recipe = memory_maps(selection, out / "volumes"), selection.recipe
    crops, make = Crops(paths, recipe), partial(views_of, recipe=recipe)
    others: dict[tuple[str, int], Drive] = {
        ("DataLoader, views made on the device", cores): partial(_workers, driver, crops, cores, make)
    }
    for name, build in _libraries().items():
        samples = Samples(paths, recipe, build)
        others[f"DataLoader, {name}", cores] = partial(_workers, driver, samples, cores, _as_they_are)
    return {("pcrl", cores): own["pcrl", cores]} | others | own


def _own(driver: Driver, selection: Selection, threads: int, seconds: float) -> Driven:
    loader = Loader(selection, epochs=_ENDLESS, threads=threads, allocate=driver.allocate())
    return driver.own(loader, seconds)


def _workers(
    driver: Driver,
    samples: Samples | Crops,
    workers: int,
    make: Callable[[list[torch.Tensor]], Views],
    seconds: float,
) -> Driven:
    each = batches(samples, driver.batch, workers, driver.device)
    return driver.drive(_views(each, make), seconds)


def _views(
    each: Iterator[list[torch.Tensor]], make: Callable[[list[torch.Tensor]], Views]
) -> Iterator[Views]:
    for batch in each:
        yield make(batch)


def _as_they_are(batch: list[torch.Tensor]) -> Views:
    globals_, target, locals_ = batch
    return Views(globals_.transpose(0, 1), target, locals_.transpose(0, 1))


def _libraries() -> dict[str, Callable[[VolumeRecipe], Make]]:
    """Those that are installed."""
    from peers import PEERS

    return {name: build for name, build in PEERS.items() if importlib.util.find_spec(name.lower())}


def _write(
    driver: Driver,
    selection: Selection,
    out: Path,
    found: dict[tuple[str, int], list[Driven]],
    shown: bool,
) -> None:
    rows = [
        (
            "a step alone, on views that are there", "", f"{driver.batch / driver.alone:.1f}", "", "", "",
        )
    ]  # fmt: skip
    for (name, workers), driven in found.items():
        middle = sorted(driven, key=lambda each: each.seconds)[len(driven) // 2]
        rates = [each.samples for each in driven]
        logged = [each.waiting for each in driven if each.waiting is not None]
        rows.append(
            (
                name,
                str(workers),
                f"{middle.samples:.1f}",
                f"{min(rates):.1f} – {max(rates):.1f}",
                f"{max(0.0, 1 - driver.alone / middle.seconds):.0%}",
                f"{statistics.median(logged):.1%}" if logged else "",
            )
        )
    gpu = driver.device.type == "cuda"
    where = (
        torch.cuda.get_device_name(driver.device)
        if gpu
        else f"the CPU, where the step has {torch.get_num_threads()} threads"
    )
    rounds = max((len(driven) for driven in found.values()), default=0)
    name = "end_to_end" if driver.recipe.dimensions == 3 else "end_to_end_images"
    write(
        name,
        "From the cache to the weights",
        ["numpy", "torch", "numba"],
        HEADER,
        rows,
        f"Recipe {driver.recipe.name}, batch {driver.batch}, on {where}; {selection.describe()}. Steps are pcrl's in "
        f"every row, {'compiled, ' if driver.compiled else ''}with levels drawn as in training. pcrl reads its "
        "compressed cache; the others read uncompressed memory maps. Views that are made on the device are not "
        f"averaged before they are made smaller. Medians of {rounds} interleaved rounds, page cache warm.",
        out,
        shown,
    )
