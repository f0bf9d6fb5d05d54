"""What a larger cache of radiographs costs: bytes of an image, and time of a sample and of ingest."""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from radiographs import FOLDER, files

from pcrl.config import Codec, ImageRecipe, recipe_from
from pcrl.datasets.layouts.folder import find
from pcrl.engine.cache.images.dataset import STACK, CachedImages
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
from pcrl.engine.images.render import ImageRenderer
from pcrl.engine.loading.measure import rate

REPEATS = 8
"""Times that the images count in an epoch, so that batches of an epoch are many."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one size and codec.

    Args:
        bytes: of an image in the cache, on average.
        samples: that one thread loads a second, page cache warm: median, lowest, highest.
        ingest: images that one process ingests a second.
    """

    size: int
    codec: Codec
    bytes: float
    samples: tuple[float, float, float]
    ingest: float


def costs(recipe: ImageRecipe, sizes: tuple[int, ...], rounds: int, seconds: float) -> list[Cost]:
    """Ingest the drawn radiographs at each size and with each codec, then load from all in turns."""
    files()
    caches = [_Ingested(recipe, size, codec) for size in sizes for codec in ("lz4", "zstd")]
    rates: list[list[float]] = [[] for _ in caches]
    for _ in range(rounds):
        for cache, found in zip(caches, rates, strict=True):
            found.append(rate(cache.renderer, 1, seconds).samples)
    return [
        Cost(
            cache.size,
            cache.codec,
            cache.bytes,
            (statistics.median(found), min(found), max(found)),
            cache.ingest,
        )
        for cache, found in zip(caches, rates, strict=True)
    ]


class _Ingested:
    def __init__(self, recipe: ImageRecipe, size: int, codec: Codec) -> None:
        self.size, self.codec = size, codec
        settings = recipe_from(recipe.model_dump(mode="json"), [f"data.size={size}", f"data.codec={codec}"])
        assert isinstance(settings, ImageRecipe)
        folder: Path = FOLDER.with_name("cache-sizes") / f"{size}-{codec}"
        shutil.rmtree(folder, ignore_errors=True)
        begun = time.perf_counter()
        done = list(run(plan(find(FOLDER), folder, settings), 1))
        self.ingest = len(done) / (time.perf_counter() - begun)
        assert not any(file.error for file in done)
        cached = CachedImages.open(folder / FOLDER.name)
        stack = folder / FOLDER.name / STACK
        self.bytes = sum(path.stat().st_size for path in stack.rglob("*") if path.is_file()) / len(done)
        self.renderer = ImageRenderer([(cached, np.arange(len(cached.table)))] * REPEATS, settings)
