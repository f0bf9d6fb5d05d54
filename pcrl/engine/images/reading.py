"""Reading one image file: PNG, JPEG or a DICOM radiograph becomes gray values of 8 or 16 bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageData
from pcrl.datasets.about import UNSTATED, About, View
from pcrl.datasets.dicom.header import PREAMBLE, looks_like_dicom
from pcrl.engine.errors import ReadError
from pcrl.engine.fingerprints.digests import digest_of_values
from pcrl.engine.images.radiograph import read_radiograph, stretched
from pcrl.kernels.pixels.resample import BoxTaps, reduction, resample, together
from pcrl.regular import why_not_regular

if TYPE_CHECKING:
    from PIL.Image import Image

SMALLEST = 16
"""Pixels of the shorter side below which there is nothing to see."""
_ORIENTATION = 0x0112
"""EXIF's tag: 1 is upright."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as it goes into the cache.

    Args:
        values: (y, x) uint8 or uint16; 0 is black.
        original_shape: (y, x) of the file.
        note: what a user should know; empty if nothing.
        source_pixels: digest of the pixels as read.
        about, view: what a DICOM file states of the image; nothing of others.
    """

    values: NDArray[Any]
    original_shape: tuple[int, int]
    note: str
    source_pixels: str
    about: About = UNSTATED
    view: View = ""


def read_picture(path: Path, data: ImageData) -> Picture:
    """Read one file and bring its shorter side to `data.size`, anti-aliased; a smaller image stays as it is.

    Raises:
        ReadError: missing, no regular file, empty, truncated, no image, too small, or of one value only.
    """
    if reason := why_not_regular(path):
        raise ReadError(f"{path}: {reason}")
    try:
        with path.open("rb") as file:
            beginning = file.read(PREAMBLE)
            file.seek(0)
            if not beginning:
                raise ReadError(f"{path}: the file is empty (0 bytes)")
            stated: tuple[About, View] = (UNSTATED, "")
            if looks_like_dicom(beginning):
                gray, note, stated = read_radiograph(path)
            else:
                gray, note = _picture(path, file)
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from error
    height, width = gray.shape
    if min(width, height) < SMALLEST:
        raise ReadError(f"{path}: {width}×{height} pixels; expected at least {SMALLEST} on each side")
    values = _bits(_small(gray, data), data.bits)
    if values.min() == values.max():
        raise ReadError(f"{path}: every pixel is {values.flat[0]:g}: the image is empty")
    return Picture(values, (height, width), note, digest_of_values(gray), *stated)


def _small(gray: NDArray[Any], data: ImageData) -> NDArray[Any]:
    """Bilinear with a tent that widens with the step, as Pillow's; in a fifth of the time, and rounded once only."""
    height, width = gray.shape
    factor = min(1.0, data.size / min(width, height), data.size * data.longest / max(width, height))
    if factor == 1.0:
        return gray
    taps = _taps(height, width, max(1, round(height * factor)), max(1, round(width * factor)))
    return resample(gray[:, None], taps)[:, 0]


@lru_cache(64)
def _taps(height: int, width: int, to_height: int, to_width: int) -> BoxTaps:
    return together(reduction(height, to_height), reduction(1, 1), reduction(width, to_width))


def _bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """8-bit values, or floats in 0 … 255, as they are stored."""
    # Rounded to the nearest, in half the time of `round`.
    half = np.float32(0.5)
    if bits == 8:
        return values if values.dtype == np.uint8 else (values + half).astype(np.uint8)
    return (values.astype(np.float32) * np.float32(257) + half).astype(np.uint16)


def _picture(path: Path, file: BinaryIO) -> tuple[NDArray[Any], str]:
    """A PNG or JPEG as (y, x) uint8, or as float32 in 0 … 255 if it has more bits; and what was done to it."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        opened = Image.open(file, formats=("PNG", "JPEG"))
        opened.load()
    except UnidentifiedImageError as error:
        raise ReadError(f"{path}: neither PNG, JPEG nor DICOM, or damaged at its beginning") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ReadError(f"{path}: cannot be read: {error}") from error
    turned = opened.getexif().get(_ORIENTATION, 1) in range(2, 9)
    gray, note = _gray(ImageOps.exif_transpose(opened) if turned else opened)
    return gray, "; ".join(filter(None, (note, "turned as its EXIF orientation says" if turned else "")))


def _gray(image: Image) -> tuple[NDArray[Any], str]:
    """An opened picture as gray values, and what was done to it."""
    if image.mode == "L":
        return np.asarray(image), ""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float32)
        words = f"16 bits a pixel: values {values.min():g} to {values.max():g} are stored as gray"
        return stretched(values), words
    if image.mode in ("1", "P"):
        return np.asarray(image.convert("RGB").convert("L")), f"mode {image.mode} was converted to gray"
    red, *others = image.convert("RGB").split()
    gray = all(other.tobytes() == red.tobytes() for other in others)
    alpha = image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() != (255, 255)
    notes = [
        "" if gray else "colours were converted to gray",
        "transparency was passed over" if alpha else "",
    ]
    result = red if gray else image.convert("RGB").convert("L")
    return np.asarray(result), "; ".join(note for note in notes if note)
