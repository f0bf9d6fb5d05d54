"""Reading a scan from disk: NIfTI, MetaImage, NRRD, DICOM series; out comes an array in LPS.

SimpleITK reads, but for DICOM, whose slices `series` puts together. Here is what it does not do: it takes another of
two places that a NIfTI states than most programs do, and knows nothing of sizes that no scan has.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Modality
from pcrl.datasets.dicom.header import is_dicom
from pcrl.datasets.dicom.stacks import Stack
from pcrl.datasets.plain import plain_path
from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.grid import Grid, Vector
from pcrl.engine.volumes.reading.announced import announced, reason_of
from pcrl.engine.volumes.reading.compressed import check_stream
from pcrl.engine.volumes.reading.nifti import voxels
from pcrl.engine.volumes.reading.nifti.header import read_header
from pcrl.engine.volumes.reading.nifti.place import is_nifti, place_of, put
from pcrl.engine.volumes.reading.nifti.placeless import placeless
from pcrl.engine.volumes.reading.plausible import check_grid
from pcrl.engine.volumes.reading.scan import Scan
from pcrl.engine.volumes.reading.series import read_stack, stack_in

_MODALITIES: dict[str, Modality] = {"CT": "ct", "MR": "mr"}


def read(path: Path, like: Path | None = None, stack: Stack | None = None) -> Scan:
    """Read one scan.

    Args:
        path: a file that SimpleITK knows, a multi-frame DICOM file, or the folder of a DICOM series.
        like: another scan whose place it gets, voxel for voxel in the order of the files, whatever its own header says.
        stack: the DICOM slices to be read; none: all of the file or folder, which must be one stack.

    Raises:
        ReadError: missing, empty, truncated or not an image; not 3-D; slices missing; nowhere, of impossible size or
            sheared beyond tolerance (of DICOM, a sheared stack is resampled); of another size than `like`.
    """
    sitk = _simpleitk()
    if _is_stack(path, stack):
        image, modality, notes = _image_of_stack(path, stack)
        return _scan(path, image, sitk, modality, notes)
    announced(path, is_placed=like is None)
    check_stream(path)
    not_finite = voxels.check(path) if is_nifti(path) else None
    place = place_of(path) if is_nifti(path) and like is None else None
    with placeless(path) if is_nifti(path) and like is not None else nullcontext(path) as readable:
        image = _image(path, sitk, readable)
    if not_finite is not None:
        image = _with_nan(image, not_finite, sitk)
    if place is not None:
        put(image, place)
    if like is not None:
        image = _at(path, image, like)
    return _scan(path, image, sitk, None, list(place.notes) if place else [])


def open_image(path: Path, stack: Stack | None = None) -> Any:
    """The SimpleITK image of a scan that `read` can read: its values and its place, three axes, not reoriented.

    Raises:
        ReadError: it cannot be read.
    """
    sitk = _simpleitk()
    if _is_stack(path, stack):
        return _image_of_stack(path, stack)[0]
    announced(path)
    image = _image(path, sitk)
    if is_nifti(path):
        put(image, place_of(path))
    return _three_axes(image)


def _is_stack(path: Path, stack: Stack | None) -> bool:
    """Whether a scan is DICOM."""
    try:
        return stack is not None or path.is_dir() or is_dicom(path)
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror}") from error


def _image(path: Path, sitk: Any, readable: Path | None = None) -> Any:
    """The SimpleITK image of a file, read from `readable` if that is its copy; `ReadError` names the file."""
    with plain_path(readable or path) as plain:
        try:
            return sitk.ReadImage(str(plain))
        except RuntimeError as error:
            reason = reason_of(error).replace(str(plain), str(path))
            if is_nifti(path) and read_header(path).version == 2:
                reason = "NIfTI-2, which SimpleITK cannot read: save it as NIfTI-1, such as with nibabel"
            raise ReadError(f"{path}: {reason}") from error


def _simpleitk() -> Any:
    # Read when an image is opened: what ITK makes of a sheared direction is replaced by what `place_of` says of it.
    os.environ["ITK_NIFTI_SFORM_PERMISSIVE"] = "1"
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    return sitk


def _three_axes(image: Any) -> Any:
    return image[:, :, :, 0] if image.GetDimension() == 4 and image.GetSize()[3] == 1 else image


def _at(path: Path, image: Any, like: Path) -> Any:
    """The image at the place of another one of its size."""
    image, reference = _three_axes(image), open_image(like)
    if image.GetSize() != reference.GetSize():
        raise ReadError(
            f"{path}: {image.GetSize()} voxels, {like.name} has {reference.GetSize()} (x, y, z): they do not belong "
            "together voxel by voxel; give the right pair"
        )
    image.CopyInformation(reference)
    return image


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
    image = _three_axes(image)
    if image.GetDimension() != 3:
        raise ReadError(f"{path}: {image.GetDimension()}-D image of size {image.GetSize()}, expected 3-D")
    check_grid(path, _grid(image))
    if not np.array_equal(np.reshape(image.GetDirection(), (3, 3)), np.eye(3)):
        image = sitk.DICOMOrient(image, "LPS")
    return Scan(sitk.GetArrayFromImage(image), _grid(image), modality, tuple(notes))


def _grid(image: Any) -> Grid:
    direction = np.asarray(image.GetDirection()).reshape(3, 3)[::-1, ::-1]
    rows: list[Vector] = [(float(a), float(b), float(c)) for a, b, c in direction]
    size, spacing, origin = image.GetSize(), image.GetSpacing(), image.GetOrigin()
    return Grid(
        (size[2], size[1], size[0]),
        (spacing[2], spacing[1], spacing[0]),
        (origin[2], origin[1], origin[0]),
        (rows[0], rows[1], rows[2]),
    )
