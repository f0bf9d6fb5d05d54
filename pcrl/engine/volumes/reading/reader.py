"""Reading a scan from disk: NIfTI, MetaImage, NRRD, DICOM series; out comes an array in LPS.

SimpleITK reads. Here is what it does not do: it takes another of two places that a NIfTI states than most programs do,
and knows nothing of missing slices or of sizes that no scan has.
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
from pcrl.engine.volumes.reading.detached import check_voxel_files
from pcrl.engine.volumes.reading.nifti import voxels
from pcrl.engine.volumes.reading.nifti.header import read_header
from pcrl.engine.volumes.reading.nifti.place import is_nifti, place_of, put
from pcrl.engine.volumes.reading.plausible import check_grid
from pcrl.engine.volumes.reading.scan import Scan

_MODALITIES: dict[str, Modality] = {"CT": "ct", "MR": "mr"}


def read(path: Path, like: Path | None = None) -> Scan:
    """Read one scan.

    Args:
        path: a file that SimpleITK knows, or the folder of a DICOM series.
        like: another scan whose place it gets, voxel for voxel in the order of the files, whatever its own header says.

    Raises:
        ReadError: missing, empty, truncated or not an image; not 3-D; slices missing; nowhere, of impossible size or
            sheared beyond tolerance; of another size than `like`.
    """
    sitk = _simpleitk()
    if path.is_dir():
        return _read_series(path, sitk)
    if not path.exists():
        raise ReadError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise ReadError(f"{path}: the file is empty (0 bytes)")
    check_voxel_files(path)
    not_finite = voxels.check(path) if is_nifti(path) else None
    place = place_of(path) if is_nifti(path) and like is None else None
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = _reason(error)
        if is_nifti(path) and read_header(path).version == 2:
            reason = "NIfTI-2, which this version of SimpleITK cannot read: save it as NIfTI-1, such as with nibabel"
        raise ReadError(f"{path}: {reason}") from error
    if not_finite is not None:
        image = _with_nan(image, not_finite, sitk)
    if place is not None:
        put(image, place)
    if like is not None:
        image = _at(path, image, like)
    return _scan(path, image, sitk, None, list(place.notes) if place else [])


def open_image(path: Path) -> Any:
    """The SimpleITK image of a scan that `read` can read: its values and its place, three axes, not reoriented.

    Raises:
        ReadError: it cannot be read.
    """
    sitk = _simpleitk()
    try:
        if path.is_dir():
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(_series(path, sitk)[0])
            image = reader.Execute()
        else:
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ReadError(f"{path}: {_reason(error)}") from error
    if is_nifti(path):
        put(image, place_of(path))
    return _three_axes(image)


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


def _reason(error: RuntimeError) -> str:
    """The last line of an ITK error is the one that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "cannot be read: " + " ".join(lines[-2:]).replace("sitk::ERROR: ", "").replace("ITK ERROR: ", "")
