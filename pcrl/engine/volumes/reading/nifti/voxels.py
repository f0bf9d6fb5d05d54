"""What ITK passes over in a NIfTI: that it is truncated or longer than it says, and that voxels are not finite."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.nifti.header import LENGTH, cannot_be_read, parse

_BLOCK = 1 << 22


def check(path: Path) -> NDArray[np.int64] | None:
    """Count the bytes of a NIfTI file, and look for values that are not finite, which ITK would replace by 0.

    Returns:
        The places of such voxels in the order of the file, None if there are none.

    Raises:
        ReadError: damaged, shorter than its header announces, or longer by a slice; or no NIfTI file at all.
    """
    try:
        with (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as file:
            header = parse(path, file.read(LENGTH))
            file.seek(header.start)
            found, places = 0, []
            for block in _blocks(cast(IO[bytes], file), header.size):
                if header.dtype is not None:
                    values = np.frombuffer(block, header.dtype, len(block) // np.dtype(header.dtype).itemsize)
                    places.append(np.flatnonzero(~np.isfinite(values)) + found // values.itemsize)
                found += len(block)
            slice_bytes = max(1, header.size // math.prod(header.sizes[2:]))
            more = sum(map(len, _blocks(cast(IO[bytes], file), slice_bytes)))
    except (EOFError, OSError, zlib.error) as error:
        raise cannot_be_read(path, error) from error
    if found < header.size:
        raise ReadError(
            f"{path}: truncated: {found:,} bytes of voxels, the header announces {header.size:,}; copy it again"
        )
    if more >= slice_bytes:
        raise ReadError(
            f"{path}: holds more than the {header.size:,} bytes of voxels that its header announces: its sizes or its "
            "type are not those of the voxels; correct the header, or copy the file again"
        )
    together = np.concatenate(places) if places else np.empty(0, np.int64)
    return together if together.size else None


def _blocks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := file.read(min(size, _BLOCK))):
        yield block
        size -= len(block)
