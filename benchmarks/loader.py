"""The loader against pipelines of other libraries that make the same views: one core each, then two threads."""

from __future__ import annotations

import os
import statistics
import time

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import torch
from peers import PEERS, Pipeline
from scan import RECIPE, as_npy, case
from table import spread, write

from pcrl.engine.loading.measure import rate
from pcrl.engine.volumes.render import VolumeRenderer

ROUNDS, SECONDS = 5, 5.0


def main() -> None:
    """Measure and write the table."""
    torch.set_num_threads(1)
    volume = as_npy()
    pipelines = {name: Pipeline(volume, RECIPE, build(RECIPE)) for name, build in PEERS.items()}
    caches = {"pcrl, lz4": case("lz4"), "pcrl, zstd": case("zstd"), "pcrl, lz4, HDF5": case("lz4", "hdf5")}
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, pipeline in pipelines.items():
            found.setdefault(name, []).append(_rate(pipeline))
        for name, chest in caches.items():
            for threads in (1, 2):
                renderer = VolumeRenderer([chest] * 4, ["lung"] * 4, RECIPE)
                made = rate(renderer, threads, SECONDS).samples
                found.setdefault(f"{name}, {threads} thread{'s' * (threads > 1)}", []).append(made)
    medians = {name: statistics.median(values) for name, values in found.items()}
    ours = medians["pcrl, lz4, 1 thread"]
    write(
        "loader",
        "The loader against other libraries",
        ["numpy", "torch", "torchio", "monai", "batchgeneratorsv2"],
        ("", "samples/s", "spread", "pcrl, lz4, 1 thread is so many times as fast"),
        [
            (
                name,
                f"{median:.1f}",
                spread(found[name], 1),
                f"{ours / median:.1f}×",
            )
            for name, median in medians.items()
        ],
        f"A sample: two global views {RECIPE.views.global_shape} with target and {RECIPE.views.locals} local views "
        f"{RECIPE.views.local_shape}, (z, y, x), of the real chest CT of `pcrl sample` at 1 mm, all corruptions on. "
        f"pcrl reads its compressed cache, and anti-aliases; the others read an uncompressed memory map with one "
        f"thread. Medians of {ROUNDS} interleaved rounds of {SECONDS:g} s, page cache warm.",
    )


def _rate(pipeline: Pipeline) -> float:
    pipeline.sample()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() < begun + SECONDS:
        pipeline.sample()
        count += 1
    return count / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
