"""Training from a cache of which nothing is in memory: from this disk, and through a storage of 200 MB/s and 2 ms.

The chest CT of the sample stands for many: copies of it, each a case of its own. The GPU is a pause of a step's time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scan import CHEST, DATA, RECIPE, case
from table import write

from pcrl.config import Codec, recipe_from
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.chunks.files import on_network
from pcrl.engine.loading.measure import Paced, paced, reads
from pcrl.engine.volumes.render import VolumeRenderer

CASES, WINDOW, THREADS, SECONDS = 40, 4, 2, 25.0
MEGABYTES, LATENCY = 200, 2
STEPS = (80, 120, 160, 240)
"""Milliseconds a step of eight samples."""
SETTINGS = recipe_from(
    RECIPE.model_dump(mode="json"), [f"training.window={WINDOW}", "training.samples_per_case=16"]
)


def main() -> None:
    """Measure and write the table."""
    rows = []
    for codec in ("lz4", "zstd"):
        root = _many(codec)
        with _throttled(root) as mount:
            assert on_network(mount / "luna/dataset.json")
            for name, where in (("this disk", root), (f"{MEGABYTES} MB/s, {LATENCY} ms", mount)):
                cases = Cache(where).dataset("luna").cases
                renderer = VolumeRenderer(cases, ["lung"] * len(cases), SETTINGS)
                needs = reads(renderer)
                for step in STEPS:
                    found = paced(renderer, THREADS, step / 1e3, cold=True, seconds=SECONDS)
                    rows.append(_row(codec, name, step, found, needs.sequential))
    batch = SETTINGS.training.batch_size
    write(
        "cold",
        "Training from cold storage",
        ["numpy", "numba", "blosc2", "mfusepy"],
        (
            "codec", "storage", f"a step of {batch}, ms", "samples/s wanted", "MB/s this takes", "samples/s had",
            "first batch, s", "GPU waits after it",
        ),
        rows,
        f"{CASES} copies of the real chest CT of `pcrl sample` at 1 mm, {SETTINGS.training.samples_per_case} samples "
        f"of each, {WINDOW} open at a time, {THREADS} loader threads, nothing of the files in memory at the start. The "
        f"slow storage is a FUSE file system (`benchmarks/throttled.py`): {MEGABYTES} MB/s in all, {LATENCY} ms of "
        "latency for each request; it takes part of one of the two cores. Files are read whole, once an epoch, by "
        "threads of their own before their samples are due.",
    )  # fmt: skip


def _row(codec: str, name: str, step: int, found: Paced, sequential: float) -> tuple[str, ...]:
    wanted = 1e3 * SETTINGS.training.batch_size / step
    return (
        codec, name, str(step), f"{wanted:.0f}", f"{wanted * sequential / 1e6:.0f}", f"{found.samples:.0f}",
        f"{found.first:.2f}", f"{found.waiting:.1%}",
    )  # fmt: skip


def _many(codec: Codec) -> Path:
    """A cache of copies of the chest CT."""
    root = DATA / f"many-{codec}"
    chest = case(codec)
    record = json.loads((chest.folder.parents[1] / "dataset.json").read_text())
    names = [f"{CHEST}-{n:02}" for n in range(CASES)]
    entry = record["cases"][CHEST]
    record["cases"] = {name: entry | {"patient": name} for name in names}
    for name in names:
        if not (root / "luna/cases" / name).exists():
            shutil.copytree(chest.folder, root / "luna/cases" / name)
    (root / "luna/dataset.json").write_text(json.dumps(record))
    return root


@contextmanager
def _throttled(origin: Path) -> Iterator[Path]:
    """The folder through the slow file system."""
    mount = DATA / "mount"
    mount.mkdir(exist_ok=True)
    script = Path(__file__).with_name("throttled.py")
    process = subprocess.Popen([sys.executable, script, origin, mount, str(MEGABYTES), str(LATENCY)])
    try:
        while not mount.is_mount():
            if process.poll() is not None:
                raise SystemExit(
                    "no FUSE here: `apt-get install fuse3`, or a machine that allows it, is needed"
                )
            time.sleep(0.1)
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", mount], check=False)
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
