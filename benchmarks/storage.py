"""Reading one box of a chest CT, 67×112×112 int16, by every way there is; one thread and two."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import h5py
import hdf5plugin  # noqa: F401  the filter with which h5py reads
import numpy as np
import tensorstore
import zarr
from scan import as_npy, case
from table import write

from pcrl.engine.cache.chunks.boxes import BoxReader
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.volumes.dataset import CachedCase

SIZE = (67, 112, 112)
BOXES, ROUNDS = 24, 7
Read = Callable[[tuple[int, int, int]], object]


def main() -> None:
    """Measure and write the table."""
    lz4, zstd, hdf5 = case("lz4"), case("zstd"), case("lz4", "hdf5")
    volume = as_npy()
    path = lz4.folder / lz4.store.image / "0"
    by_zarr = zarr.open_array(path, mode="r")
    by_h5py = h5py.File(hdf5.folder / hdf5.store.image, locking=False)["0"]
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    by_tensorstore = tensorstore.open(spec, read=True).result()
    readers: dict[str, Callable[[], Read]] = {
        "memory map, uncompressed (the limit)": lambda: lambda at: np.array(volume[_slices(at)]),
        "pcrl, Zarr, lz4": lambda: _direct(lz4),
        "pcrl, Zarr, zstd": lambda: _direct(zstd),
        "pcrl, HDF5, lz4": lambda: _direct(hdf5),
        "pcrl without its C library": lambda: _direct(lz4, plain=True),
        "zarr-python": lambda: lambda at: by_zarr[(0, *_slices(at))],
        "tensorstore": lambda: lambda at: by_tensorstore[(0, *_slices(at))].read().result(),
        "h5py": lambda: lambda at: by_h5py[(0, *_slices(at))],
    }
    random = np.random.default_rng(0)
    highest = np.array(volume.shape) - SIZE
    boxes = [tuple(int(v) for v in random.integers(0, highest + 1)) for _ in range(BOXES)]
    for name, make in readers.items():
        np.testing.assert_array_equal(make()(boxes[0]), volume[_slices(boxes[0])], err_msg=name)
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in readers}
    for _ in range(ROUNDS):
        for name, make in readers.items():
            for threads in (1, 2):
                found[name][threads - 1].append(_seconds(make, boxes, threads))
    limit = statistics.median(found["memory map, uncompressed (the limit)"][0])
    rows = []
    for name, (one, two) in found.items():
        single, double = statistics.median(one), statistics.median(two)
        rows.append((name, f"{1e3 * single:.2f}", f"{single / limit:.1f}×", f"×{single / double:.2f}"))
    write(
        "storage",
        "Reading a box of a volume",
        ["numpy", "zarr", "h5py", "hdf5plugin", "tensorstore", "numcodecs", "blosc2"],
        ("", "ms", "the limit is so many times as fast", "gain with two threads"),
        rows,
        f"Box {SIZE} of the real chest CT of `pcrl sample` at 1 mm, {volume.shape}, chunks of 32³, checksums compared "
        f"when a chunk is first met. Medians of {ROUNDS} interleaved rounds of {BOXES} boxes, page cache warm.",
    )


def _direct(chest: CachedCase, plain: bool = False) -> Read:
    reader, scratch = _reader(chest), Scratch()
    if plain:
        scratch.decompressor = None
    box = np.empty(SIZE, np.int16)

    def read(at: tuple[int, int, int]) -> object:
        reader.read(0, at, box, scratch)
        return box

    return read


_readers: dict[str, BoxReader] = {}


def _reader(chest: CachedCase) -> BoxReader:
    """One for each file, as in the loader: threads share it, and what was checked stays checked."""
    return _readers.setdefault(str(chest.folder), BoxReader(chest.store.image_table(chest.folder)))


def _seconds(make: Callable[[], Read], boxes: list[tuple[int, ...]], threads: int) -> float:
    """Seconds a box, with the boxes shared out over threads that each have their own reader."""
    own = [make() for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        list(pool.map(lambda n: [own[n](at) for at in boxes[n::threads]], range(threads)))
        return (time.perf_counter() - begun) / len(boxes)


def _slices(at: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(a, a + n) for a, n in zip(at, SIZE, strict=True))


if __name__ == "__main__":
    main()
