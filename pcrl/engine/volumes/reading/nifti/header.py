"""The header of a NIfTI file, in either byte order and either version."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.errors import ReadError
from pcrl.regular import why_not_regular

LENGTH = 540
"""Bytes of the longer header, that of version 2."""
_FLOATS = {16: "f4", 64: "f8"}
"""NIfTI's codes of the types that can hold NaN."""
_BYTES = {
    2: 1, 4: 2, 8: 4, 16: 4, 32: 8, 64: 8, 128: 3, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8, 1536: 16, 1792: 16,
    2048: 32, 2304: 4,
}  # fmt: skip
"""Bytes of a voxel by NIfTI's codes of types."""
_SMALLEST = 1e-15
"""Of a slope: ITK takes what is nearer to 0 for none."""
_UNITS = {0: None, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres in the unit of length: unknown, m, mm, µm."""


@dataclass(frozen=True, slots=True)
class NiftiHeader:
    """What a NIfTI says of itself.

    Args:
        version: 1 or 2.
        start, size: byte at which the voxels begin, and how many bytes they are.
        dtype: NumPy's name of a floating-point type, None for others.
        sizes: voxels along each axis that there is.
        shape: voxels along the first three axes, (x, y, z).
        pixdim: (x, y, z) in the unit of the file; 1 where the file has no such axis.
        handedness: `pixdim[0]`: −1 turns the third axis of the qform round.
        unit: millimetres in the unit of length; None if it is not stated.
        qform_code, sform_code: what each place is a place in; 0 if it is not stated.
        quaternion: b, c, d, and the offset x, y, z.
        rows: 3×4, the sform.
    """

    version: int
    start: int
    size: int
    dtype: str | None
    sizes: tuple[int, ...]
    shape: tuple[int, int, int]
    pixdim: tuple[float, float, float]
    handedness: float
    unit: float | None
    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    rows: NDArray[np.float64]


def read_header(path: Path) -> NiftiHeader:
    """The header of a file, compressed or not.

    Raises:
        ReadError: no regular file, damaged gzip, or no NIfTI file at all.
    """
    if reason := why_not_regular(path):
        raise ReadError(f"{path}: {reason}")
    try:
        with (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as file:
            return parse(path, file.read(LENGTH))
    except (EOFError, OSError, zlib.error) as error:
        raise cannot_be_read(path, error) from error


def cannot_be_read(path: Path, error: Exception) -> ReadError:
    """Of an error of the file system, or of gzip."""
    if isinstance(error, OSError) and error.errno is not None:
        return ReadError(f"{path}: cannot be read: {error.strerror}")
    return ReadError(f"{path}: damaged or truncated gzip file: {error}")


def parse(path: Path, head: bytes) -> NiftiHeader:
    """The header that a file begins with.

    Raises:
        ReadError: no NIfTI header, or one that states what cannot be.
    """
    for order in "<>":
        if len(head) >= 348 and struct.unpack_from(f"{order}i", head)[0] == 348:
            return _header(path, head, order, _FIRST)
        if len(head) >= LENGTH and struct.unpack_from(f"{order}i", head)[0] == LENGTH:
            return _header(path, head, order, _SECOND)
    raise ReadError(f"{path}: not a NIfTI file (no NIfTI header found)")


class _Layout(NamedTuple):
    """Where a version keeps its fields, each as its type and its first byte."""

    dims: tuple[str, int]
    kind: tuple[str, int]
    pixdim: tuple[str, int]
    start: tuple[str, int]
    unit: tuple[str, int]
    codes: tuple[str, int]
    quaternion: tuple[str, int]
    rows: tuple[str, int]
    magic: tuple[str, int]
    scale: tuple[str, int]
    first: int
    """The first byte at which voxels can begin in the header's own file."""


_FIRST = _Layout(
    ("8h", 40),
    ("2h", 70),
    ("8f", 76),
    ("f", 108),
    ("b", 123),
    ("2h", 252),
    ("6f", 256),
    ("12f", 280),
    ("3s", 344),
    ("2f", 112),
    352,
)
_SECOND = _Layout(
    ("8q", 16),
    ("2h", 12),
    ("8d", 104),
    ("q", 168),
    ("i", 500),
    ("2i", 344),
    ("6d", 352),
    ("12d", 400),
    ("3s", 4),
    ("2d", 176),
    544,
)


def _header(path: Path, head: bytes, order: str, layout: _Layout) -> NiftiHeader:
    def values(field: tuple[str, int]) -> tuple[Any, ...]:
        return struct.unpack_from(order + field[0], head, field[1])

    dims, (kind, _), steps = values(layout.dims), values(layout.kind), values(layout.pixdim)
    rank, counts = dims[0], dims[1 : 1 + max(0, dims[0])]
    start, (magic,) = values(layout.start)[0], values(layout.magic)
    slope, inter = values(layout.scale)
    fault = ""
    if not 1 <= rank <= 7 or min(counts) < 1:
        fault = f"dim is {', '.join(map(str, dims))}: expected the number of axes, 1 to 7, and so many sizes above 0"
    elif kind not in _BYTES:
        fault = f"datatype is {kind}, which is no type of NIfTI"
    elif magic in (b"n+1", b"n+2") and not (math.isfinite(start) and layout.first <= start < 1 << 40):
        fault = f"vox_offset is {start:g}: its voxels cannot begin before byte {layout.first}"
    elif (
        not (math.isfinite(slope) and math.isfinite(inter))
        or 0 < abs(slope) < _SMALLEST
        or (not slope and inter)
    ):
        # nibabel and ITK make different values of these.
        fault = f"scl_slope is {slope:g} and scl_inter is {inter:g}: values cannot be scaled so"
    elif path.name.lower().endswith((".nii", ".nii.gz")) and magic not in (b"n+1", b"n+2"):
        fault = f"its magic is {magic!r}: expected n+1 or n+2, as of a file that holds its voxels"
    if fault:
        raise ReadError(f"{path}: {fault}; the header is damaged: copy the file again, or correct it")
    x, y, z = (*counts[:3], 1, 1, 1)[:3]
    # What an axis is not there for has no step.
    step_x, step_y, step_z = (steps[axis + 1] if axis < rank else 1.0 for axis in range(3))
    qform, sform = values(layout.codes)
    return NiftiHeader(
        version=1 if layout is _FIRST else 2,
        start=int(start) if math.isfinite(start) else 0,
        size=math.prod(counts) * _BYTES[kind],
        dtype=f"{order}{_FLOATS[kind]}" if kind in _FLOATS else None,
        sizes=counts,
        shape=(x, y, z),
        pixdim=(step_x, step_y, step_z),
        handedness=steps[0],
        unit=_UNITS.get(values(layout.unit)[0] & 7),
        qform_code=qform,
        sform_code=sform,
        quaternion=values(layout.quaternion),
        rows=np.array(values(layout.rows), float).reshape(3, 4),
    )
