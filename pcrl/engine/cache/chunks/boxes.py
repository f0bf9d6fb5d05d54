"""Reading boxes of voxels straight from the chunks of a case."""

from __future__ import annotations

from itertools import product

import numpy as np
from numcodecs import Blosc
from numpy.typing import NDArray

from pcrl.engine.cache.chunks.files import ChunkFile
from pcrl.engine.cache.chunks.frames import ChunkTable, damaged, frame_at
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.kernels.chunks.decode import OK, ChunkIndex, faulty, read_box


class BoxReader:
    """Boxes of one case's image. Shared by all threads; a chunk's checksum is compared when it is first decoded."""

    def __init__(self, table: ChunkTable) -> None:
        self.table = table
        self.file = ChunkFile(table.file)
        crcs, checked = table.crcs, np.zeros(table.offsets.shape, np.uint8)
        self._indices = [
            ChunkIndex(
                offsets, sizes, crcs[channel] if crcs.size else crcs.reshape(0, 0, 0), checked[channel]
            )
            for channel, (offsets, sizes) in enumerate(zip(table.offsets, table.sizes, strict=True))
        ]

    def read(
        self,
        channel: int,
        start: tuple[int, int, int],
        destination: NDArray[np.int16],
        scratch: Scratch,
        needed: NDArray[np.int64] | None = None,
    ) -> None:
        """Copy the part of a box that lies within the volume; the rest of `destination` stays as it is.

        Args:
            start: first voxel (z, y, x) of the box; may lie outside.
            destination: (z, y, x) int16, as large as the box.
            needed: (boxes, 2, 3) int64, start and stop of the parts that are needed; none is all. What else is read is
                up to the chunks.

        Raises:
            CacheError: a chunk is damaged; names the file and the chunk.
        """
        table = self.table
        z, y, x = table.shape[1:]
        if scratch.decompressor is None:
            self._read_plainly(channel, start, destination)
            return
        if needed is None:
            needed = np.array([[start, np.add(start, destination.shape)]])
        file, chunk = self.file, scratch.chunk(table.chunk[-3:], table.dtype)
        result = read_box(
            file.open, self._indices[channel], table.fill, start, needed, (z, y, x), scratch.decoder(), chunk,
            destination,
        )  # fmt: skip
        if result != OK:
            place, reason = faulty(result, table.offsets.shape[1:])
            raise damaged(table, place, reason)

    def _read_plainly(
        self, channel: int, start: tuple[int, int, int], destination: NDArray[np.int16]
    ) -> None:
        """The same without the C library: one chunk after the other through numcodecs, holding the GIL."""
        table = self.table
        low = [max(0, s) for s in start]
        stop = [min(n, s + m) for n, s, m in zip(table.shape[1:], start, destination.shape, strict=True)]
        edge = table.chunk[-1]
        buffer, content = np.empty((edge, edge, edge), np.int16), self.file.read()
        spans = [range(a // edge, -(-b // edge)) for a, b in zip(low, stop, strict=True)]
        for place in product(*spans) if all(a < b for a, b in zip(low, stop, strict=True)) else ():
            frame = frame_at(table, (channel, *place), content)
            if frame is None:
                buffer.fill(table.fill)
            else:
                Blosc().decode(frame, buffer)
            part, inside = [], []
            for a, b, s, p in zip(low, stop, start, place, strict=True):
                first, last = max(a, p * edge), min(b, (p + 1) * edge)
                part.append(slice(first - p * edge, last - p * edge))
                inside.append(slice(first - s, last - s))
            destination[tuple(inside)] = buffer[tuple(part)]
