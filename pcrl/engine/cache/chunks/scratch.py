"""What a thread needs to decompress chunks, and where the time of that goes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.chunks.frames import CRC_BYTES
from pcrl.kernels.chunks import blosc
from pcrl.kernels.chunks.decode import Decoder
from pcrl.kernels.clock import share

FRAME_OVERHEAD = 32 + CRC_BYTES
"""Bytes by which a frame and its CRC can be longer than a chunk that does not compress: Blosc's header."""


class Scratch:
    """What one thread needs to decompress chunks.

    Args:
        ticks: time spent since it was last asked for: on fetching and checking frames, on decompressing and copying.
    """

    def __init__(self) -> None:
        self.decompressor = blosc.Decompressor() if blosc.AVAILABLE else None
        self.ticks = np.zeros(2, np.int64)
        self.frame = np.empty(0, np.uint8)
        self._chunk: NDArray[Any] = np.empty(0, np.uint8)

    def decoder(self) -> Decoder:
        """The same as kernels take it; where there is a decompressor."""
        assert self.decompressor is not None
        return Decoder(self.decompressor.address, self.frame, self.ticks)

    def share_of_decoding(self) -> float:
        """Which share of the reading since the last call was decompressing and copying, not fetching and checking."""
        fetching, decoding = self.ticks.tolist()
        self.ticks[:] = 0
        return share(decoding, fetching + decoding)

    def chunk(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Room for a chunk, and for a frame of one; made when another kind is asked for than before."""
        if (self._chunk.shape, self._chunk.dtype) != (shape, dtype):
            self._chunk = np.empty(shape, dtype)
            self.frame = np.empty(self._chunk.nbytes + FRAME_OVERHEAD, np.uint8)
        return self._chunk
