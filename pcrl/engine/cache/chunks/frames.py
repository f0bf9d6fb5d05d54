"""Chunks of an array: compressing them, where they lie in a file, and reading all of them back.

Both formats of the cache hold the same compressed frames; they differ in what is round them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs import Blosc
from numpy.typing import NDArray

from pcrl.config import Codec
from pcrl.engine.cache.format import CacheError
from pcrl.kernels.chunks.crc import crc32c
from pcrl.kernels.chunks.decode import MISSING, REASONS, WRONG_CRC

LEVELS = {"lz4": 5, "zstd": 3}
"""Compression level of each codec, chosen by measurement, as was the byte shuffle: see docs/cache.md."""
CRC_BYTES = 4


@dataclass(frozen=True, slots=True)
class Frames:
    """A compressed array.

    Args:
        shape: of the array, (…, z, y, x).
        chunk: of a chunk, (1…, edge, edge, edge); chunks at the end of an axis are filled up.
        codec: lz4 or zstd.
        data: one Blosc frame a chunk, in C order; None where all voxels are `fill`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    fill: int
    codec: Codec
    data: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class ChunkTable:
    """Where the chunks of an array lie in one file.

    Args:
        offsets: one for each chunk, uint64; `MISSING` where all voxels are `fill`.
        sizes: bytes of each frame, uint32.
        crcs: CRC-32C of each frame, uint32; empty where four bytes after each frame hold it.
    """

    file: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    fill: int
    codec: Codec
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint32]
    crcs: NDArray[np.uint32]


class StoredArray:
    """An array of the cache, read chunk by chunk with numcodecs: the plain way, which the fast one is held against."""

    def __init__(self, table: ChunkTable) -> None:
        self.table = table
        self.shape, self.dtype = table.shape, table.dtype

    def read(self) -> NDArray[Any]:
        """The whole array.

        Raises:
            CacheError: a chunk is damaged.
        """
        return decode(frames_of(self.table))


def counts(shape: Sequence[int], chunk: Sequence[int]) -> tuple[int, ...]:
    """Chunks on each axis."""
    return tuple(-(-n // c) for n, c in zip(shape, chunk, strict=True))


def crc_of(data: bytes) -> int:
    """CRC-32C of some bytes."""
    buffer = np.frombuffer(data, np.uint8)
    return int(crc32c(buffer.ctypes.data, buffer.size))


def encode(values: NDArray[Any], edge: int, codec: Codec, fill: int) -> Frames:
    """Compress an array of (…, z, y, x) in cubic chunks."""
    chunk = (*[1] * (values.ndim - 3), edge, edge, edge)
    blosc = Blosc(codec, LEVELS[codec], Blosc.SHUFFLE)
    data: list[bytes | None] = []
    buffer = np.empty(chunk, values.dtype)
    for place in np.ndindex(*counts(values.shape, chunk)):
        part = values[tuple(slice(p * c, (p + 1) * c) for p, c in zip(place, chunk, strict=True))]
        if part.shape != chunk:
            buffer.fill(fill)
        buffer[tuple(slice(n) for n in part.shape)] = part
        data.append(None if (buffer == fill).all() else blosc.encode(buffer))
    return Frames(values.shape, values.dtype, chunk, fill, codec, data)


def decode(frames: Frames) -> NDArray[Any]:
    """The array that was compressed."""
    values = np.full(frames.shape, frames.fill, frames.dtype)
    buffer = np.empty(frames.chunk, frames.dtype)
    blosc = Blosc()
    places = np.ndindex(*counts(frames.shape, frames.chunk))
    for place, frame in zip(places, frames.data, strict=True):
        if frame is not None:
            blosc.decode(frame, buffer)
            start = tuple(p * c for p, c in zip(place, frames.chunk, strict=True))
            part = values[tuple(slice(s, s + c) for s, c in zip(start, frames.chunk, strict=True))]
            part[...] = buffer[tuple(slice(n) for n in part.shape)]
    return values


def frames_of(table: ChunkTable) -> Frames:
    """Read all frames of an array.

    Raises:
        CacheError: a frame is beyond the end of the file, or differs from what was written.
    """
    content = np.fromfile(table.file, np.uint8) if table.file.exists() else np.empty(0, np.uint8)
    data = [frame_at(table, place, content) for place in np.ndindex(*table.offsets.shape)]
    return Frames(table.shape, table.dtype, table.chunk, table.fill, table.codec, data)


def frame_at(table: ChunkTable, place: tuple[int, ...], content: NDArray[np.uint8]) -> bytes | None:
    """The frame of one chunk out of the bytes of the file; None if all voxels are fill value; raises as `frames_of`."""
    if table.offsets[place] == MISSING:
        return None
    crc = int(table.crcs[place]) if table.crcs.size else None
    frame = frame_in(content, int(table.offsets[place]), int(table.sizes[place]), crc)
    if frame is None:
        raise damaged(table, place, REASONS[WRONG_CRC])
    return frame


def frame_in(content: NDArray[np.uint8], offset: int, size: int, crc: int | None = None) -> bytes | None:
    """A frame out of the bytes of a file; None if its CRC is not `crc`, or not what the four bytes after it say."""
    frame = content[offset : offset + size].tobytes()
    if crc is None:
        crc = int.from_bytes(content[offset + size : offset + size + CRC_BYTES].tobytes(), "little")
    return frame if len(frame) == size and crc_of(frame) == crc else None


def damaged(table: ChunkTable, place: tuple[int, ...], reason: str) -> CacheError:
    """The error for a chunk that is not as it was written."""
    return CacheError(f"{table.file}: chunk {place} is damaged: {reason}. Run `pcrl cache verify`")
