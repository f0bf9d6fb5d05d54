"""Reading single images out of the shards of a stack."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs import Blosc
from numpy.typing import NDArray

from pcrl.config import ImageData
from pcrl.engine.cache.chunks.files import ChunkFile
from pcrl.engine.cache.chunks.frames import frame_in
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.chunks.shard import read_index, shard_path
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import STACK, dtype_of, edge
from pcrl.kernels.chunks.decode import MISSING, OK, REASONS, WRONG_CRC, load_chunk

_NO_CRCS = np.empty(0, np.uint32)


class OpenShard:
    """A shard's file and index; a chunk's checksum is compared when it is first decoded."""

    def __init__(self, path: Path, chunks: int) -> None:
        self.path, self.file = path, ChunkFile(path)
        self.offsets, self.sizes = read_index(path, chunks)
        self.checked = np.zeros(chunks, np.uint8)


class ImageReader:
    """Images of one stack by their place in it. Shared by all threads.

    Args:
        keep: shards that stay open.
    """

    def __init__(self, folder: Path, data: ImageData, keep: int = 64) -> None:
        self.data, self._stack = data, folder / STACK
        self._shape, self._dtype = (edge(data), edge(data)), dtype_of(data)
        self.shard = lru_cache(keep)(lambda number: OpenShard(self.file_of(number), data.shard))

    def file_of(self, shard: int) -> Path:
        """The file of a shard."""
        return shard_path(self._stack, (shard, 0, 0))

    def read(self, index: int, scratch: Scratch) -> NDArray[Any]:
        """The chunk of an image, (y, x): the image is at its top left, and zeros around it.

        Valid until the scratch is used again.

        Raises:
            CacheError: damaged, or not there; names the file and the place in it.
        """
        number, place = divmod(index, self.data.shard)
        shard = self.shard(number)
        shard.file.check()
        chunk = scratch.chunk(self._shape, self._dtype)
        if shard.offsets[place] == MISSING:
            raise CacheError(f"{shard.path} holds no image {place}: run `pcrl cache verify`")
        if scratch.decompressor is None:
            frame = frame_in(shard.file.read(), int(shard.offsets[place]), int(shard.sizes[place]))
            if frame is None:
                raise _damaged(shard, place, REASONS[WRONG_CRC])
            Blosc().decode(frame, chunk)
            return chunk
        found = load_chunk(
            shard.file.open, int(shard.offsets[place]), int(shard.sizes[place]), _NO_CRCS, shard.checked, (place,),
            scratch.decoder(), chunk,
        )  # fmt: skip
        if found != OK:
            raise _damaged(shard, place, REASONS[found])
        return chunk


def _damaged(shard: OpenShard, place: int, reason: str) -> CacheError:
    return CacheError(f"{shard.path}: image {place} of it is damaged: {reason}. Run `pcrl cache verify`")
