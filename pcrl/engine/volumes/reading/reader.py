"""Reading a scan from disk: NIfTI, MetaImage, NRRD, DICOM series; out comes an array in LPS.

SimpleITK reads. Here is what it does not do: it refuses a direction that is a little off, and knows nothing of missing
slices.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Modality
from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.grid import Grid, Vector
from pcrl.engine.volumes.reading import nifti
from pcrl.engine.volumes.reading.scan import Scan

DIRECTION_TOLERANCE = 1.0
"""Voxels by which making a direction orthonormal may move a corner of the volume."""
_MODALITIES: dict[str, Modality] = {"CT": "ct", "MR": "mr"}


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
    not_finite = nifti.check(path) if path.name.lower().endswith((".nii", ".nii.gz")) else None
    try:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        image = reader.Execute()
    except RuntimeError as error:
        raise ReadError(f"{path}: {_reason(error)}") from error
    notes = _direction_notes(path, reader, image)
    if not_finite is not None:
        image = _with_nan(image, not_finite, sitk)
    return _scan(path, image, sitk, None, notes)


def open_image(path: Path) -> Any:
    """The SimpleITK image of a scan that `read` can read: its values and its place, three axes, not reoriented.

    Raises:
        ReadError: it cannot be read.
    """
    import SimpleITK as sitk

    os.environ["ITK_NIFTI_SFORM_PERMISSIVE"] = "1"
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        if path.is_dir():
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(_series(path, sitk)[0])
            image = reader.Execute()
        else:
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ReadError(f"{path}: {_reason(error)}") from error
    return image[:, :, :, 0] if image.GetDimension() == 4 and image.GetSize()[3] == 1 else image


def _with_nan(image: Any, voxels: NDArray[np.int64], sitk: Any) -> Any:
    """Put back the values that ITK has replaced by 0."""
    values = sitk.GetArrayFromImage(image)
    values.reshape(-1)[voxels] = np.nan
    restored = sitk.GetImageFromArray(values, isVector=False)
    restored.CopyInformation(image)
    return restored


def _read_series(folder: Path, sitk: Any) -> Scan:
    files, notes = _series(folder, sitk)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise ReadError(f"{folder}: {_reason(error)}") from error
    count = len(files)
    modality = reader.GetMetaData(0, "0008|0060").strip() if reader.HasMetaDataKey(0, "0008|0060") else ""
    _check_slices(folder, reader, image, count)
    return _scan(folder, image, sitk, _MODALITIES.get(modality), notes)


def _series(folder: Path, sitk: Any) -> tuple[tuple[str, ...], list[str]]:
    """Files of the longest series in a folder, in order, and notes on others."""
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
    return series[chosen], notes


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
    if not np.array_equal(np.reshape(image.GetDirection(), (3, 3)), np.eye(3)):
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


def _reason(error: RuntimeError) -> str:
    """The last line of an ITK error is the one that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "cannot be read: " + " ".join(lines[-2:]).replace("sitk::ERROR: ", "").replace("ITK ERROR: ", "")
