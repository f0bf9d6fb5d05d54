"""Radiographs: the loader against the published chain in Pillow, and ingest against merely decoding the files."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import image_peer
import numpy as np
import torch
from PIL import Image
from radiographs import EDGE, FOLDER, SMALL, files, small
from table import spread, write

from pcrl.config import ImageRecipe, load_recipe, recipe_from
from pcrl.datasets.layouts.folder import find
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
from pcrl.engine.images.render import ImageRenderer
from pcrl.engine.images.views import draw_settings, empty_plan, plan_views
from pcrl.engine.loading.measure import Rate, rate
from pcrl.kernels.images.draw import ViewPlan
from pcrl.kernels.streams import sample_key

ROUNDS, SECONDS = 5, 3.0
CACHE = FOLDER.with_name("cache-radiographs")
Sample = Callable[[int], object]
OURS = "pcrl, 1 thread"


def main() -> None:
    """Measure and write the table."""
    torch.set_num_threads(1)
    recipe = load_recipe("pcrlv2-2d", [f"data.size={SMALL}"])
    assert isinstance(recipe, ImageRecipe)
    paths, images = files(), small()
    list(run(plan(find(FOLDER), CACHE, recipe), 1))
    cached = CachedImages.open(CACHE / FOLDER.name)
    renderer = ImageRenderer([(cached, np.arange(len(cached.table)))] * 8, recipe)
    drawn, settings = (
        empty_plan(recipe.views, recipe.corruption),
        draw_settings(recipe.views, recipe.corruption),
    )

    def plan_of(number: int, edge: int) -> ViewPlan:
        plan_views(sample_key(0, 0, number), (edge, edge), settings, drawn)
        return drawn

    def from_file(mode: str) -> Sample:
        def sample(number: int) -> object:
            with Image.open(paths[number % len(paths)]) as image:
                return image_peer.views(image.convert(mode), plan_of(number, EDGE), recipe)

        return sample

    def from_memory(mode: str) -> Sample:
        kept = [Image.fromarray(image).convert(mode) for image in images]
        return lambda number: image_peer.views(kept[number % len(kept)], plan_of(number, SMALL), recipe)

    rates: dict[str, Rate] = {}

    def loader(name: str, threads: int) -> float:
        rates[name] = rate(renderer, threads, SECONDS)
        return rates[name].samples

    pipelines: dict[str, Callable[[], float]] = {
        f"Pillow as published, from PNG files of {EDGE}×{EDGE}": lambda: _rate(from_file("RGB")),
        f"Pillow as published, from {SMALL}×{SMALL} in memory": lambda: _rate(from_memory("RGB")),
        "Pillow with one channel, from PNG files": lambda: _rate(from_file("L")),
        "Pillow with one channel, from memory": lambda: _rate(from_memory("L")),
        OURS: lambda: loader(OURS, 1),
        "pcrl, 2 threads": lambda: loader("pcrl, 2 threads", 2),
        "decoding the PNG files, images/s": lambda: _decode_rate(paths),
        "ingest of the PNG files, images/s": lambda: _ingest_rate(recipe),
    }
    found: dict[str, list[float]] = {name: [] for name in pipelines}
    for _ in range(ROUNDS):
        for name, measure in pipelines.items():
            found[name].append(measure())
    medians = {name: statistics.median(values) for name, values in found.items()}
    decoding, ingest = (name for name in medians if "images/s" in name)
    size = statistics.mean(path.stat().st_size for path in paths) / 1e6
    stages = ", ".join(f"{name} {time:.2f}" for name, time in rates[OURS].stages.items())
    write(
        "images",
        "Radiographs: loader and ingest",
        ["numpy", "numba", "pillow", "blosc2", "torch"],
        ("", "samples/s", "spread", "pcrl, 1 thread is so many times as fast"),
        [
            (name, f"{median:.0f}", spread(found[name], 0), _ratio(name, medians))
            for name, median in medians.items()
        ],
        f"A sample: two global views {recipe.views.global_shape} with target and {recipe.views.locals} local views "
        f"{recipe.views.local_shape}, all corruptions on; drawn images, PNG files of {size:.2f} MB. All draw the same "
        "plans. Pillow's chain rounds to 8 bits after each step, rotates to the nearest pixel and normalises; as "
        f"published it carries three equal channels all along. pcrl loads from its cache ({SMALL} pixels, lz4, "
        "checksums compared), anti-aliases, interpolates in float32, and normalises and expands on the device, "
        "which is not in these figures. Ingest reads the same files, shrinks, compresses and writes them (64 a shard) "
        "with one thread: "
        f"{medians[ingest] / medians[decoding]:.2f} of the rate of decoding them. Medians of {ROUNDS} interleaved "
        f"rounds of {SECONDS:g} s, page cache warm.\n\n"
        f"Where the loader's time goes, ms a sample with one thread: {stages}.",
    )


def _ratio(name: str, medians: dict[str, float]) -> str:
    return "" if "images/s" in name else f"{medians[OURS] / medians[name]:.1f}×"


def _rate(sample: Sample) -> float:
    sample(0)
    begun, count = time.perf_counter(), 0
    while time.perf_counter() < begun + SECONDS:
        sample(count)
        count += 1
    return count / (time.perf_counter() - begun)


def _decode_rate(paths: list[Path]) -> float:
    begun = time.perf_counter()
    for path in paths:
        with Image.open(path) as image:
            image.load()
    return len(paths) / (time.perf_counter() - begun)


def _ingest_rate(recipe: ImageRecipe) -> float:
    fresh = CACHE.with_name("fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    smaller = recipe_from(recipe.model_dump(mode="json"), ["data.shard=64"])
    assert isinstance(smaller, ImageRecipe)
    begun = time.perf_counter()
    done = list(run(plan(find(FOLDER), fresh, smaller), 1))
    passed = time.perf_counter() - begun
    assert not any(file.error for file in done)
    return len(done) / passed


if __name__ == "__main__":
    main()
