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
_NO_CRC_TABLE = 0


@kernel
def read_box(
    file: NDArray[np.uint8],
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    crcs: NDArray[np.uint32],
    checked: NDArray[np.uint8],
    fill: int,
    start: tuple[int, int, int],
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
        shape: of the volume.
        decompressor: `Decompressor.address`, of this thread alone.
        chunk: (edge, edge, edge), overwritten.
        destination: (z, y, x) int16, as large as the box.

    Returns:
        `OK`, or what is wrong with a chunk, see `faulty`.
    """
    edge = chunk.shape[0]
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
                length = x1 - x0
                if offset == MISSING:
                    for z in range(z0, z1):
                        for y in range(y0, y1):
                            row = destination[z - start[0], y - start[1]]
                            for x in range(length):
                                row[x0 - start[2] + x] = fill
                    continue
                number = (cz * offsets.shape[1] + cy) * offsets.shape[2] + cx
                stored = size + (4 if crcs.size == _NO_CRC_TABLE else 0)
                if np.int64(offset) + stored > file.size:
                    return int(number * 4 + OUTSIDE)
                address = file.ctypes.data + np.int64(offset)
                if checked[cz, cy, cx] == 0:
                    if crcs.size == _NO_CRC_TABLE:
                        at = np.int64(offset) + size
                        wanted = (
                            np.uint32(file[at])
                            | np.uint32(file[at + 1]) << np.uint32(8)
                            | np.uint32(file[at + 2]) << np.uint32(16)
                            | np.uint32(file[at + 3]) << np.uint32(24)
                        )
                    else:
                        wanted = crcs[cz, cy, cx]
                    if np.uint32(crc32c(int(address), int(size))) != np.uint32(wanted):
                        return int(number * 4 + WRONG_CRC)
                    checked[cz, cy, cx] = 1
                if decompress(decompressor, address, size, chunk.ctypes.data, chunk.nbytes) != chunk.nbytes:
                    return int(number * 4 + WRONG_FRAME)
                for z in range(z0, z1):
                    for y in range(y0, y1):
                        row = destination[z - start[0], y - start[1]]
                        line = chunk[z - cz * edge, y - cy * edge]
                        for x in range(length):
                            row[x0 - start[2] + x] = line[x0 - cx * edge + x]
    return OK


def faulty(result: int, counts: tuple[int, int, int]) -> tuple[tuple[int, int, int], str]:
    """The chunk (z, y, x) that a result of `read_box` other than `OK` speaks of, and what is wrong with it."""
    number, kind = divmod(result, 4)
    place = np.unravel_index(number, counts)
    reasons = {
        WRONG_CRC: "its checksum (CRC-32C) is not the one that was written",
        WRONG_FRAME: "it cannot be decompressed",
        OUTSIDE: "it lies beyond the end of the file",
    }
    return (int(place[0]), int(place[1]), int(place[2])), reasons[kind]
