"""Reading a box of voxels out of compressed chunks: check, decompress, copy, in one call without the GIL."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.blosc import decompress
from pcrl.kernels.compile import kernel
from pcrl.kernels.crc import crc32c

OK, WRONG_CRC, WRONG_FRAME, OUTSIDE = range(4)
"""What `read_box` can find; `chunk · 4 + kind` is returned."""
MISSING = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Offset of a chunk that is not stored: all fill value."""
REASONS = {
    WRONG_CRC: "its checksum (CRC-32C) is not the one that was written",
    WRONG_FRAME: "it cannot be decompressed",
    OUTSIDE: "it lies beyond the end of the file",
}


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
def _load(
    file: NDArray[np.uint8],
    offset: np.int64,
    size: np.int64,
    crcs: NDArray[np.uint32],
    checked: NDArray[np.uint8],
    place: tuple[int, int, int],
    decompressor: int,
    chunk: NDArray[np.int16],
) -> int:
    """Decompress one frame into `chunk`, after comparing its CRC if that was not done before; what was found."""
    after = offset + size
    if after + (4 if crcs.size == 0 else 0) > file.size:
        return OUTSIDE
    address = file.ctypes.data + offset
    if checked[place] == 0:
        if crcs.size == 0:
            expected = (
                np.uint32(file[after])
                | np.uint32(file[after + 1]) << np.uint32(8)
                | np.uint32(file[after + 2]) << np.uint32(16)
                | np.uint32(file[after + 3]) << np.uint32(24)
            )
        else:
            expected = crcs[place]
        if np.uint32(crc32c(int(address), int(size))) != np.uint32(expected):
            return WRONG_CRC
        checked[place] = 1
    if decompress(decompressor, address, size, chunk.ctypes.data, chunk.nbytes) != chunk.nbytes:
        return WRONG_FRAME
    return OK


@kernel
def read_box(
    file: NDArray[np.uint8],
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    crcs: NDArray[np.uint32],
    checked: NDArray[np.uint8],
    fill: int,
    start: tuple[int, int, int],
    wanted: NDArray[np.int64],
    shape: tuple[int, int, int],
    decompressor: int,
    chunk: NDArray[np.int16],
    destination: NDArray[np.int16],
) -> int:
    """Copy the part of a box that lies within a volume; the rest of `destination` is left as it is.

    Args:
        file: all bytes of the file that holds the chunks.
        offsets, sizes: (chunks z, y, x): where each frame begins, and its bytes; `MISSING` is all `fill`.
        crcs: CRC-32C of each frame; of size 0 where four bytes after each frame hold it.
        checked: (chunks z, y, x): 1 where the CRC was compared before; updated.
        start: of the box; may be negative.
        wanted: (boxes, 2, 3): first voxel and the one after the last of boxes in the volume; chunks that hold nothing
            of them are not read, and their part of `destination` is left as it is.
        shape: of the volume.
        decompressor: `Decompressor.address`, of this thread alone.
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
                offset, size = offsets[cz, cy, cx], np.int64(sizes[cz, cy, cx])
                z0, z1 = max(z_low, cz * edge), min(z_high, cz * edge + edge)
                y0, y1 = max(y_low, cy * edge), min(y_high, cy * edge + edge)
                x0, x1 = max(x_low, cx * edge), min(x_high, cx * edge + edge)
                if not _touches(wanted, z0, z1, y0, y1, x0, x1):
                    continue
                length = np.uint64(x1 - x0)
                if offset == MISSING:
                    decoded[:] = fill
                else:
                    kind = _load(
                        file, np.int64(offset), size, crcs, checked, (cz, cy, cx), decompressor, chunk
                    )
                    if kind != OK:
                        number = (cz * offsets.shape[1] + cy) * offsets.shape[2] + cx
                        return int(number * 4 + kind)
                for z in range(z0, z1):
                    for y in range(y0, y1):
                        to = np.uint64(((z - start[0]) * ny + y - start[1]) * nx + x0 - start[2])
                        at = np.uint64(((z - cz * edge) * edge + y - cy * edge) * edge + x0 - cx * edge)
                        for x in range(length):
                            flat[to + x] = decoded[at + x]
    return OK


def faulty(result: int, counts: tuple[int, int, int]) -> tuple[tuple[int, int, int], str]:
    """The chunk (z, y, x) that a result of `read_box` other than `OK` speaks of, and what is wrong with it."""
    number, kind = divmod(result, 4)
    place = np.unravel_index(number, counts)
    return (int(place[0]), int(place[1]), int(place[2])), REASONS[kind]
