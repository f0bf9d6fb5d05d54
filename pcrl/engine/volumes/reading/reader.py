"""Reading a scan from disk: NIfTI, MetaImage, NRRD, DICOM series; out comes an array in LPS.

SimpleITK reads, but for DICOM, whose slices `series` puts together. Here is what it does not do: it refuses a direction
that is a little off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Modality
from pcrl.datasets.dicom.header import is_dicom
from pcrl.datasets.dicom.stacks import Stack
from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.grid import Grid, Vector
from pcrl.engine.volumes.reading import nifti
from pcrl.engine.volumes.reading.scan import Scan
from pcrl.engine.volumes.reading.series import read_stack, stack_in

DIRECTION_TOLERANCE = 1.0
"""Voxels by which making a direction orthonormal may move a corner of the volume."""
_MODALITIES: dict[str, Modality] = {"CT": "ct", "MR": "mr"}


def read(path: Path, stack: Stack | None = None) -> Scan:
    """Read one scan.

    Args:
        path: a file that SimpleITK knows, a multi-frame DICOM file, or the folder of a DICOM series.
        stack: the DICOM slices to be read; none: all of the file or folder, which must be one stack.

    Raises:
        ReadError: missing, empty, truncated or not an image; not 3-D; slices missing; sheared beyond tolerance (of
            DICOM, a sheared stack is resampled).
    """
    # Read when an image is opened: a direction that is not orthonormal is mended by ITK and measured by us.
    os.environ["ITK_NIFTI_SFORM_PERMISSIVE"] = "1"
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if not path.exists():
        raise ReadError(f"{path}: no such file")
    if stack is not None or path.is_dir() or is_dicom(path):
        image, modality, notes = _image_of_stack(path, stack)
        return _scan(path, image, sitk, modality, notes)
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


def open_image(path: Path, stack: Stack | None = None) -> Any:
    """The SimpleITK image of a scan that `read` can read: its values and its place, three axes, not reoriented.

    Raises:
        ReadError: it cannot be read.
    """
    import SimpleITK as sitk

    os.environ["ITK_NIFTI_SFORM_PERMISSIVE"] = "1"
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if stack is not None or path.is_dir() or is_dicom(path):
        return _image_of_stack(path, stack)[0]
    try:
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


def _image_of_stack(path: Path, stack: Stack | None) -> tuple[Any, Modality | None, list[str]]:
    stack, left_out = stack_in(path) if stack is None else (stack, [])
    image, notes = read_stack(path, stack)
    return image, _MODALITIES.get(stack.modality), [*left_out, *notes]


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
