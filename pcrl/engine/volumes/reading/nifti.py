"""What ITK passes over in a NIfTI: that it is truncated, and that voxels are not finite."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.errors import ReadError

_FLOATS = {16: "f4", 64: "f8"}
"""NIfTI's codes of the types that can hold NaN."""
_BLOCK = 1 << 22


class _Header(NamedTuple):
    start: int
    """Byte at which the voxels begin."""
    size: int
    """Bytes of the voxels."""
    dtype: str | None
    """NumPy's name of a floating-point type, None for others."""


def check(path: Path) -> NDArray[np.int64] | None:
    """Count the bytes of a NIfTI file, and look for values that are not finite, which ITK would replace by 0.

    Returns:
        The places of such voxels in the order of the file, None if there are none.

    Raises:
        ReadError: damaged, or shorter than its header announces; or no NIfTI file at all.
    """
    try:
        with (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as file:
            head = file.read(352)
            header = _parse(path, head)
            if header is None:
                return None
            file.seek(header.start)
            found, places = 0, []
            for block in _blocks(cast(IO[bytes], file), header.size):
                if header.dtype is not None:
                    values = np.frombuffer(block, header.dtype, len(block) // np.dtype(header.dtype).itemsize)
                    places.append(np.flatnonzero(~np.isfinite(values)) + found // values.itemsize)
                found += len(block)
    except (EOFError, OSError, zlib.error) as error:
        raise ReadError(f"{path}: damaged or truncated gzip file: {error}") from error
    if found < header.size:
        raise ReadError(
            f"{path}: truncated: {found:,} bytes of voxels, the header announces {header.size:,}; copy it again"
        )
    together = np.concatenate(places) if places else np.empty(0, np.int64)
    return together if together.size else None


def _blocks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := file.read(min(size, _BLOCK))):
        yield block
        size -= len(block)


def _parse(path: Path, head: bytes) -> _Header | None:
    for order in "<>":
        if len(head) >= 348 and struct.unpack_from(f"{order}i", head)[0] == 348:
            dims = struct.unpack_from(f"{order}8h", head, 40)
            code, bits = struct.unpack_from(f"{order}2h", head, 70)
            offset = struct.unpack_from(f"{order}f", head, 108)[0]
            rank = min(max(dims[0], 0), 7)
            size = math.prod(max(int(d), 1) for d in dims[1 : rank + 1]) * int(bits) // 8
            return _Header(int(offset), size, f"{order}{_FLOATS[code]}" if code in _FLOATS else None)
    if len(head) >= 4 and 540 in (struct.unpack_from("<i", head)[0], struct.unpack_from(">i", head)[0]):
        return None  # NIfTI-2: left to ITK
    raise ReadError(f"{path}: not a NIfTI file (no NIfTI header found)")
