"""Reading a box of voxels out of compressed chunks: check, decompress, copy, in one call without the GIL."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.chunks.blosc import decompress
from pcrl.kernels.chunks.crc import crc32c, uint32_at
from pcrl.kernels.chunks.files import read_at
from pcrl.kernels.clock import cycles
from pcrl.kernels.compile import kernel

OK, WRONG_CRC, WRONG_FRAME, OUTSIDE, UNREADABLE, _KINDS = range(6)
"""What can be found of a chunk; `read_box` returns `chunk · _KINDS + kind`."""
MISSING = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Offset of a chunk that is not stored: all fill value."""
REASONS = {
    WRONG_CRC: "its checksum (CRC-32C) is not the one that was written",
    WRONG_FRAME: "it cannot be decompressed",
    OUTSIDE: "it lies beyond the end of the file",
    UNREADABLE: "the file system does not give its bytes: the file has become shorter, or cannot be read",
}


class OpenFile(NamedTuple):
    """The file that chunks lie in.

    Args:
        content: all bytes, mapped; not looked at where there is a `descriptor`.
        descriptor: the open file, if it is to be read and not mapped; else −1.
        length: its bytes.
    """

    content: NDArray[np.uint8]
    descriptor: int
    length: int


class Decoder(NamedTuple):
    """What one thread decompresses with.

    Args:
        decompressor: `Decompressor.address`, of this thread alone.
        frame: room for the largest frame and its CRC, where the file is not mapped.
        ticks: (2,) time spent on fetching and checking, on decompressing (and copying, by `read_box`); added to.
    """

    decompressor: int
    frame: NDArray[np.uint8]
    ticks: NDArray[np.int64]


class ChunkIndex(NamedTuple):
    """Where the chunks of a volume are, all of (chunks z, y, x).

    Args:
        offsets, sizes: where each frame begins, and its bytes; `MISSING` is all fill value.
        crcs: CRC-32C of each frame; of size 0 where four bytes after each frame hold it.
        checked: 1 where the CRC was compared before; updated.
    """

    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint32]
    crcs: NDArray[np.uint32]
    checked: NDArray[np.uint8]


@kernel
def _touches(wanted: NDArray[np.int64], z0: int, z1: int, y0: int, y1: int, x0: int, x1: int) -> bool:
    """Whether a chunk's part of a box has a voxel in one of the boxes that are wanted."""
    for i in range(wanted.shape[0]):
        if (
            wanted[i, 0, 0] < z1 and z0 < wanted[i, 1, 0]
            and wanted[i, 0, 1] < y1 and y0 < wanted[i, 1, 1]
            and wanted[i, 0, 2] < x1 and x0 < wanted[i, 1, 2]
        ):  # fmt: skip
            return True
    return False


@kernel
def load_chunk(
    file: OpenFile,
    offset: int,
    size: int,
    crcs: NDArray[np.uint32],
    checked: NDArray[np.uint8],
    place: tuple[int, ...],
    decoder: Decoder,
    chunk: NDArray[Any],
) -> int:
    """Decompress one frame into `chunk`, after comparing its CRC if that was not done before.

    Args:
        offset, size: of the frame.
        crcs, checked: see `ChunkIndex`.
        place: of the chunk in `crcs` and `checked`.
        chunk: overwritten.

    Returns:
        `OK`, or what is wrong.
    """
    begun = cycles()
    stored = size + (4 if crcs.size == 0 else 0)
    if offset + stored > file.length:
        return OUTSIDE
    if file.descriptor < 0:
        address = int(file.content.ctypes.data + offset)
    else:
        if stored > decoder.frame.size:
            return WRONG_FRAME
        address = int(decoder.frame.ctypes.data)
        if not read_at(file.descriptor, address, stored, offset):
            return UNREADABLE
    if checked[place] == 0:
        expected = uint32_at(address + size) if crcs.size == 0 else int(crcs[place])
        if crc32c(address, size) != expected:
            return WRONG_CRC
        checked[place] = 1
    fetched = cycles()
    done = decompress(decoder.decompressor, address, size, chunk.ctypes.data, chunk.nbytes)
    decoder.ticks[0] += fetched - begun
    decoder.ticks[1] += cycles() - fetched
    return OK if done == chunk.nbytes else WRONG_FRAME


@kernel
def read_box(
    file: OpenFile,
    index: ChunkIndex,
    fill: int,
    start: tuple[int, int, int],
    wanted: NDArray[np.int64],
    shape: tuple[int, int, int],
    decoder: Decoder,
    chunk: NDArray[np.int16],
    destination: NDArray[np.int16],
) -> int:
    """Copy the part of a box that lies within a volume; the rest of `destination` is left as it is.

    Args:
        fill: what voxels of a chunk that is not stored are.
        start: of the box; may be negative.
        wanted: (boxes, 2, 3): first voxel and the one after the last of boxes in the volume; chunks that hold nothing
            of them are not read, and their part of `destination` is left as it is.
        shape: of the volume.
        chunk: (edge, edge, edge), overwritten.
        destination: (z, y, x) int16, as large as the box.

    Returns:
        `OK`, or what is wrong with a chunk, see `faulty`.
    """
    edge = chunk.shape[0]
    _, ny, nx = destination.shape
    # Flat and unsigned: a view of a row costs more than copying the row.
    flat, decoded = destination.reshape(-1), chunk.reshape(-1)
    z_low, z_high = max(0, start[0]), min(shape[0], start[0] + destination.shape[0])
    y_low, y_high = max(0, start[1]), min(shape[1], start[1] + destination.shape[1])
    x_low, x_high = max(0, start[2]), min(shape[2], start[2] + destination.shape[2])
    if z_low >= z_high or y_low >= y_high or x_low >= x_high:
        return OK
    for cz in range(z_low // edge, (z_high - 1) // edge + 1):
        for cy in range(y_low // edge, (y_high - 1) // edge + 1):
            for cx in range(x_low // edge, (x_high - 1) // edge + 1):
                offset, size = index.offsets[cz, cy, cx], int(index.sizes[cz, cy, cx])
                z0, z1 = max(z_low, cz * edge), min(z_high, cz * edge + edge)
                y0, y1 = max(y_low, cy * edge), min(y_high, cy * edge + edge)
                x0, x1 = max(x_low, cx * edge), min(x_high, cx * edge + edge)
                if not _touches(wanted, z0, z1, y0, y1, x0, x1):
                    continue
                run = np.uint64(x1 - x0)
                if offset == MISSING:
                    decoded[:] = fill
                else:
                    kind = load_chunk(
                        file, int(offset), size, index.crcs, index.checked, (cz, cy, cx), decoder, chunk
                    )  # fmt: skip
                    if kind != OK:
                        number = (cz * index.offsets.shape[1] + cy) * index.offsets.shape[2] + cx
                        return int(number * _KINDS + kind)
                begun = cycles()
                for z in range(z0, z1):
                    for y in range(y0, y1):
                        to = np.uint64(((z - start[0]) * ny + y - start[1]) * nx + x0 - start[2])
                        at = np.uint64(((z - cz * edge) * edge + y - cy * edge) * edge + x0 - cx * edge)
                        for x in range(run):
                            flat[to + x] = decoded[at + x]
                decoder.ticks[1] += cycles() - begun
    return OK


def faulty(result: int, counts: tuple[int, int, int]) -> tuple[tuple[int, int, int], str]:
    """The chunk (z, y, x) that a result of `read_box` other than `OK` speaks of, and what is wrong with it."""
    number, kind = divmod(result, _KINDS)
    place = np.unravel_index(number, counts)
    return (int(place[0]), int(place[1]), int(place[2])), REASONS[kind]
