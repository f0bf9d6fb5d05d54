"""What the header of a scan announces, refused where it cannot be true: before memory is taken for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pcrl.datasets.plain import plain_path
from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.reading.detached import check_voxel_files, voxel_files
from pcrl.engine.volumes.reading.nifti.header import read_header
from pcrl.engine.volumes.reading.nifti.place import is_nifti, place_of
from pcrl.engine.volumes.reading.plausible import check_grid
from pcrl.engine.volumes.reading.stated import check_taken
from pcrl.regular import why_not_regular

_DENSEST = 1100
"""Bytes that one byte of a compressed file can stand for: deflate comes to 1032."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a header announces.

    Args:
        across: edges of the volume in mm, in the order of the file; those of an axis of one voxel are its spacing.
        bytes: of all voxels.
    """

    across: tuple[float, ...]
    bytes: int


def announced(path: Path, is_placed: bool = True) -> Announced:
    """What a file that is no DICOM announces.

    Args:
        is_placed: whether its place matters; a label that is laid onto its scan needs none.

    Raises:
        ReadError: no regular file, or its voxels are in none; no header; axes, sizes or spacings that no scan has; or
            more voxels than the file can hold.
    """
    if reason := why_not_regular(path):
        raise ReadError(f"{path}: {reason}")
    try:
        if path.stat().st_size == 0:
            raise ReadError(f"{path}: the file is empty (0 bytes)")
        check_voxel_files(path)
        files = [path, *voxel_files(path)]
        on_disk = sum(file.stat().st_size for file in files)
    except OSError as error:
        raise ReadError(f"{path}: {error.filename or 'it'} cannot be read: {error.strerror}") from error
    sizes, spacing, size = _of_nifti(path, is_placed) if is_nifti(path) else _of_itk(path)
    if size > _DENSEST * on_disk:
        raise ReadError(
            f"{path}: its header announces {'×'.join(map(str, sizes))} voxels, {size:,} bytes, which a file of "
            f"{on_disk:,} bytes cannot hold, however it is compressed: the header is damaged; copy the file again"
        )
    if is_placed and len(sizes) >= 3 and all(count == 1 for count in sizes[3:]):
        x, y, z = spacing[:3]
        check_grid(path, Grid((sizes[2], sizes[1], sizes[0]), (z, y, x), (0.0, 0.0, 0.0)))
    elif len(sizes) != 3 and is_placed:
        raise ReadError(f"{path}: {len(sizes)}-D image of size {sizes}, expected 3-D")
    return Announced(tuple(count * step for count, step in zip(sizes[:3], spacing[:3], strict=True)), size)


def _of_nifti(path: Path, is_placed: bool) -> tuple[tuple[int, ...], tuple[float, ...], int]:
    """Sizes, spacing in mm, and bytes."""
    header = read_header(path)
    matrix = place_of(path).matrix if is_placed else None
    steps = header.pixdim if matrix is None else tuple(np.linalg.norm(matrix[:, :3], axis=0).tolist())
    if matrix is None and is_placed:
        steps = tuple(step * (header.unit or 1.0) for step in header.pixdim)
    # ITK drops axes of one voxel after the third.
    return header.sizes, steps, header.size


def _of_itk(path: Path) -> tuple[tuple[int, ...], tuple[float, ...], int]:
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader: Any = sitk.ImageFileReader()
    with plain_path(path) as plain:
        try:
            reader.SetFileName(str(plain))
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise ReadError(f"{path}: {reason_of(error).replace(str(plain), str(path))}") from error
    sizes, spacing = tuple(reader.GetSize()), tuple(reader.GetSpacing())
    if min(sizes) < 1:
        raise ReadError(f"{path}: its size is {sizes}, expected numbers above 0: the header is damaged")
    if not all(map(math.isfinite, spacing)) or min(spacing) <= 0:
        raise ReadError(f"{path}: its spacing is {spacing}, expected numbers above 0: correct the header")
    check_taken(path, sizes, spacing, reader.GetOrigin(), reader.GetDirection())
    voxel = sitk.Image([1] * 3, reader.GetPixelID(), reader.GetNumberOfComponents())
    each = voxel.GetSizeOfPixelComponent() * voxel.GetNumberOfComponentsPerPixel()
    return sizes, spacing, math.prod(sizes) * each


def reason_of(error: RuntimeError) -> str:
    """The last line of an ITK error is the one that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "cannot be read: " + " ".join(lines[-2:]).replace("sitk::ERROR: ", "").replace("ITK ERROR: ", "")
