"""Pixels of DICOM files as they are stored, before any rescaling: pydicom reads, GDCM decompresses."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.errors import ReadError
from pcrl.regular import why_not_regular

_PIXELS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "PixelData",
)  # fmt: skip
_SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
"""One frame; of several, `.3` follows."""


def stored_pixels(path: Path) -> tuple[Any, NDArray[Any]]:
    """The file as a pydicom data set, and its (frame, y, x) integers as they are stored.

    Raises:
        ReadError: damaged, without pixels, in colour, or of a compression that is not known.
    """
    from pydicom import config, dcmread

    if reason := why_not_regular(path):
        raise ReadError(f"{path}: {reason}")
    try:
        with config.disable_value_validation():
            file = dcmread(path, force=True)
    except Exception as error:  # pydicom raises whatever a damaged byte leads to
        raise ReadError(f"{path}: this DICOM file cannot be read ({error}): copy it again") from error
    if "PixelData" not in file:
        raise ReadError(f"{path}: this DICOM file holds no image (no PixelData)")
    if int(file.get("SamplesPerPixel") or 1) != 1:
        raise ReadError(f"{path}: this DICOM file is in colour, expected gray values")
    try:
        with config.disable_value_validation():
            values = _decoded(file)
    except Exception as error:  # of pydicom, ITK or NumPy, whichever meets the fault first
        words = " ".join(str(error).split())[:200]
        raise ReadError(
            f"{path}: the pixels of this DICOM file cannot be read ({words}): it is damaged, or of a compression "
            "that is not known here"
        ) from error
    return file, _whole(values, file)


def padding_of(file: Any, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where stored pixels only fill up the rectangle (PixelPaddingValue, PixelPaddingRangeLimit); none if nowhere."""
    value = file.get("PixelPaddingValue")
    if value is None:
        return None
    limit = file.get("PixelPaddingRangeLimit", value)
    # As the pixels are stored, if the value is stated with a sign and they have none.
    low, high = np.sort(np.array([int(value), int(limit)]).astype(stored.dtype))
    padding = np.asarray((stored >= low) & (stored <= high))
    # Of an image that is nothing else, nothing would be left to see.
    return padding if padding.any() and not padding.all() else None


def _decoded(file: Any) -> NDArray[Any]:
    from pydicom.uid import (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        RLELossless,
    )

    syntax = file.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        # Without group 2, only these two are possible; pydicom has found out which.
        syntax = ImplicitVRLittleEndian if file.original_encoding[0] else ExplicitVRLittleEndian
        file.file_meta.TransferSyntaxUID = syntax
    shape = (int(file.get("NumberOfFrames") or 1), int(file.Rows), int(file.Columns))
    if min(shape) < 1:
        raise ValueError(f"{shape} frames, rows and columns are announced, expected numbers above 0")
    if not syntax.is_compressed or syntax == DeflatedExplicitVRLittleEndian:
        _check_length(file, shape)
    native = not syntax.is_compressed or syntax in (RLELossless, DeflatedExplicitVRLittleEndian)
    values = np.asarray(file.pixel_array) if native else _decompressed(file)
    if values.size != math.prod(shape) or values.shape[-2:] != shape[1:]:
        raise ValueError(f"{values.shape} pixels are stored, its header announces {shape}")
    return values.reshape(shape)


def _check_length(file: Any, shape: tuple[int, int, int]) -> None:
    """Refuse pixels that are not as many as the header announces: pydicom would leave out what is too much."""
    announced = -(-math.prod(shape) * int(file.BitsAllocated) // 8)
    found = len(file.PixelData)
    # Of odd length they are filled up to an even one.
    if not announced <= found <= announced + announced % 2:
        raise ValueError(f"{found:,} bytes of pixels are stored, its header announces {announced:,}")


def _decompressed(file: Any) -> NDArray[Any]:
    """By GDCM, from a copy that states nothing but its pixels: no rescaling, no turning round."""
    import SimpleITK as sitk
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    frames = int(file.get("NumberOfFrames") or 1)
    bare, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID = file.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID = bare.SOPClassUID = UID(_SECONDARY if frames == 1 else f"{_SECONDARY}.3")
    meta.MediaStorageSOPInstanceUID = bare.SOPInstanceUID = UID("1.2.3")
    for keyword in _PIXELS:
        if keyword in file:
            bare[keyword] = file[keyword]
    bare.PhotometricInterpretation, bare.Modality = "MONOCHROME2", "OT"
    if frames > 1:
        bare.NumberOfFrames = frames
    bare.file_meta = meta
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "pixels.dcm"
        bare.save_as(copy, enforce_file_format=True)
        return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(copy), imageIO="GDCMImageIO")))


def _whole(values: NDArray[Any], file: Any) -> NDArray[Any]:
    """Signed values with their sign, unsigned ones without the overlays that older files hold in the bits above."""
    bits = [file[group, 0x0102].value for group in range(0x6000, 0x6020, 2) if (group, 0x0102) in file]
    overlaid = any(int(bit or 0) > 0 for bit in bits)
    if values.dtype.kind == "u" and not overlaid:
        return values
    stored = int(file.get("BitsStored") or 0)
    spare = 8 * values.dtype.itemsize - stored
    if stored < 1 or spare <= 0:
        return values
    return np.asarray((values << spare) >> spare, values.dtype)
