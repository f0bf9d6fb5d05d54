"""Reading a scan from disk: NIfTI, MetaImage, NRRD, DICOM series; out comes an array in LPS.

SimpleITK reads. Here is what it does not do: it takes a truncated NIfTI for a whole one, refuses a direction that is
a little off, and knows nothing of missing slices.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Modality
from pcrl.engine.grid import Grid, Vector

DIRECTION_TOLERANCE = 1.0
"""Voxels by which making a direction orthonormal may move a corner of the volume."""
_MODALITIES: dict[str, Modality] = {"CT": "ct", "MR": "mr"}


class ReadError(ValueError):
    """A scan that cannot be read; the message names the file, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan as read: `values` (z, y, x) in LPS orientation, its grid, and what a user should know about it."""

    values: NDArray[Any]
    grid: Grid
    modality: Modality | None = None
    notes: tuple[str, ...] = ()


def read(path: Path) -> Scan:
    """Read one scan.

    Args:
        path: a file that SimpleITK knows, or the folder of a DICOM series.

    Raises:
        ReadError: missing, empty, truncated or not an image; not 3-D; slices missing; sheared beyond tolerance.
    """
    # Read when an image is opened: a direction that is not orthonormal is mended by ITK and measured by us.
    os.environ["ITK_NIFTI_SFORM_PERMISSIVE"] = "1"
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if path.is_dir():
        return _read_series(path, sitk)
    if not path.exists():
        raise ReadError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise ReadError(f"{path}: the file is empty (0 bytes)")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        _check_nifti_length(path)
    try:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        image = reader.Execute()
    except RuntimeError as error:
        raise ReadError(f"{path}: {_reason(error)}") from error
    notes = _direction_notes(path, reader, image)
    return _scan(path, image, sitk, None, notes)


def _read_series(folder: Path, sitk: Any) -> Scan:
    identifiers = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not identifiers:
        raise ReadError(f"{folder}: no DICOM series in this folder")
    series = {i: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), i) for i in identifiers}
    chosen = max(sorted(series), key=lambda i: len(series[i]))
    notes = [
        f"series {i} ({len(files)} files) in the same folder was passed over"
        for i, files in sorted(series.items())
        if i != chosen
    ]
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(series[chosen])
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise ReadError(f"{folder}: {_reason(error)}") from error
    count = len(series[chosen])
    modality = reader.GetMetaData(0, "0008|0060").strip() if reader.HasMetaDataKey(0, "0008|0060") else ""
    _check_slices(folder, reader, image, count)
    return _scan(folder, image, sitk, _MODALITIES.get(modality), notes)


def _check_slices(folder: Path, reader: Any, image: Any, count: int) -> None:
    """Refuse a series with missing or doubled slices: ITK would place all slices at one mean distance."""
    key = "0020|0032"
    if count < 3 or not all(reader.HasMetaDataKey(i, key) for i in range(count)):
        return
    positions = np.array([[float(v) for v in reader.GetMetaData(i, key).split("\\")] for i in range(count)])
    normal = np.asarray(image.GetDirection()).reshape(3, 3)[:, 2]
    steps = np.abs(np.diff(positions @ normal))
    usual = float(np.median(steps))
    if usual == 0 or np.abs(steps - usual).max() > 0.1 * usual:
        worst = int(np.argmax(np.abs(steps - usual)))
        raise ReadError(
            f"{folder}: slices are not evenly spaced: {usual:.2f} mm usually, {steps[worst]:.2f} mm after slice "
            f"{worst + 1} of {count}; a slice is missing or doubled: complete the series, or split it"
        )


def _scan(path: Path, image: Any, sitk: Any, modality: Modality | None, notes: list[str]) -> Scan:
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ReadError(f"{path}: {image.GetNumberOfComponentsPerPixel()} components a voxel, expected 1")
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3:
        raise ReadError(f"{path}: {image.GetDimension()}-D image of size {image.GetSize()}, expected 3-D")
    image = sitk.DICOMOrient(image, "LPS")
    direction = np.asarray(image.GetDirection()).reshape(3, 3)[::-1, ::-1]
    rows: list[Vector] = [(float(a), float(b), float(c)) for a, b, c in direction]
    size, spacing, origin = image.GetSize(), image.GetSpacing(), image.GetOrigin()
    grid = Grid(
        (size[2], size[1], size[0]),
        (spacing[2], spacing[1], spacing[0]),
        (origin[2], origin[1], origin[0]),
        (rows[0], rows[1], rows[2]),
    )
    return Scan(sitk.GetArrayFromImage(image), grid, modality, tuple(notes))


def _direction_notes(path: Path, reader: Any, image: Any) -> list[str]:
    """Say by how much ITK moved the corners of a NIfTI to make its direction orthonormal; refuse if far."""
    if not (
        reader.HasMetaDataKey("ITK_sform_corrected") and reader.GetMetaData("ITK_sform_corrected") == "YES"
    ):
        return []
    rows = [[float(v) for v in reader.GetMetaData(f"srow_{axis}").split()] for axis in "xyz"]
    # NIfTI is RAS, ITK is LPS: the first two rows change sign.
    stated = np.diag([-1.0, -1.0, 1.0]) @ np.asarray(rows)[:, :3]
    mended = np.asarray(image.GetDirection()).reshape(3, 3) * np.asarray(image.GetSpacing())
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.GetSize()[:3]], indexing="ij"), float).reshape(
        3, -1
    )
    moved = np.linalg.norm((stated - mended) @ corners, axis=0).max()
    voxel = min(image.GetSpacing()[:3])
    if moved > DIRECTION_TOLERANCE * voxel:
        raise ReadError(
            f"{path}: the direction is sheared: making it orthonormal would move a corner by {moved:.1f} mm "
            f"(tolerance: one voxel, {voxel:.2f} mm); resample the image to an orthonormal grid first"
        )
    return [f"direction made orthonormal (moves no corner by more than {moved:.2f} mm)"]


def _check_nifti_length(path: Path) -> None:
    """ITK fills the missing part of a truncated NIfTI without a word; count the bytes ourselves."""
    compressed = path.name.lower().endswith(".gz")
    try:
        with (gzip.open if compressed else open)(path, "rb") as file:
            header = file.read(352)
            expected = _nifti_bytes(path, header)
            found = len(header)
            if compressed:
                while block := file.read(1 << 22):
                    found += len(block)
            else:
                found = path.stat().st_size
    except (EOFError, OSError, zlib.error) as error:
        raise ReadError(f"{path}: damaged or truncated gzip file: {error}") from error
    if found < expected:
        raise ReadError(
            f"{path}: truncated: {found:,} bytes of voxels and header, the header announces {expected:,}; copy it again"
        )


def _nifti_bytes(path: Path, header: bytes) -> int:
    for order in "<>":
        if len(header) >= 348 and struct.unpack_from(f"{order}i", header)[0] == 348:
            dims = struct.unpack_from(f"{order}8h", header, 40)
            bits = struct.unpack_from(f"{order}h", header, 72)[0]
            offset = struct.unpack_from(f"{order}f", header, 108)[0]
            rank = min(max(dims[0], 0), 7)
            return int(offset) + math.prod(max(int(d), 1) for d in dims[1 : rank + 1]) * int(bits) // 8
    if len(header) >= 4 and 540 in (struct.unpack_from("<i", header)[0], struct.unpack_from(">i", header)[0]):
        return 0  # NIfTI-2: left to ITK
    raise ReadError(f"{path}: not a NIfTI file (no NIfTI header found)")


def _reason(error: RuntimeError) -> str:
    """The last line of an ITK error is the one that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "cannot be read: " + " ".join(lines[-2:]).replace("sitk::ERROR: ", "").replace("ITK ERROR: ", "")
