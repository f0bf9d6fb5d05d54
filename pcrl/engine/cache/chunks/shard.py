"""A shard of a Zarr array, put together and found again by hand (Zarr v3, sharding codec 1.0, index at the end).

Through zarr-python, writing a CT takes ten times as long, and reading one box of it twenty times.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.chunks.frames import CRC_BYTES, crc_of
from pcrl.engine.cache.format import CacheError
from pcrl.kernels.chunks.decode import MISSING

_ENTRY_BYTES = 16


def shard_path(array: Path, place: Sequence[int]) -> Path:
    """The file of the shard at `place`, counted in shards on each axis."""
    return array.joinpath("c", *map(str, place))


def write_shard(path: Path, data: Sequence[bytes | None]) -> None:
    """Frames with their CRCs one after the other, then the index with its own; None where all is fill value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    index = np.full((len(data), 2), MISSING, "<u8")
    with path.open("xb") as file:
        for number, frame in enumerate(data):
            if frame is not None:
                index[number] = file.tell(), len(frame) + CRC_BYTES
                file.write(frame)
                file.write(crc_of(frame).to_bytes(CRC_BYTES, "little"))
        encoded = index.tobytes()
        file.write(encoded)
        file.write(crc_of(encoded).to_bytes(CRC_BYTES, "little"))


def read_index(path: Path, chunks: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Offset and bytes of the frame of each chunk, (chunks,); `MISSING` and 0 where all is fill value.

    Raises:
        CacheError: the index is damaged.
    """
    if not path.exists():  # as the specification allows: nothing but fill value
        return np.full(chunks, MISSING, np.uint64), np.zeros(chunks, np.uint32)
    length = chunks * _ENTRY_BYTES
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - length - CRC_BYTES))
        content = file.read()
    encoded, crc = content[:length], int.from_bytes(content[length:], "little")
    if len(content) != length + CRC_BYTES or crc_of(encoded) != crc:
        raise CacheError(f"{path}: its index of chunks is damaged: run `pcrl cache verify`")
    offsets, sizes = np.frombuffer(encoded, "<u8").reshape(chunks, 2).T
    stored = np.where(offsets == MISSING, 0, sizes - np.uint64(CRC_BYTES))
    return np.ascontiguousarray(offsets), stored.astype(np.uint32)
