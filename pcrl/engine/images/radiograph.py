"""Reading a DICOM radiograph as it is meant to be shown: rescaled, its window or VOI LUT applied, bone bright."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.about import About, View
from pcrl.datasets.dicom.header import about_of
from pcrl.engine.dicom import padding_of, stored_pixels
from pcrl.engine.errors import ReadError


def stretched(
    values: NDArray[np.float32], low: float | None = None, high: float | None = None
) -> NDArray[np.float32]:
    """Values from `low` to `high` (the smallest and largest if not given) as 0 … 255."""
    low, high = float(values.min()) if low is None else low, float(values.max()) if high is None else high
    share = np.clip((values - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1)
    return np.asarray(share * np.float32(255), np.float32)


def read_radiograph(path: Path) -> tuple[NDArray[np.float32], str, tuple[About, View]]:
    """A DICOM file as (y, x) in 0 … 255, what was done to it, and what it states of the image.

    By DICOM PS3.3, C.11.1, C.11.2 and C.7.5.1.1.2. Of several windows or VOI LUTs, the first counts, and a LUT goes
    before a window. Padding is black.

    Raises:
        ReadError: it cannot be read, or holds more than one image.
    """
    from pydicom import config

    file, frames = stored_pixels(path)
    if len(frames) != 1:
        raise ReadError(f"{path}: {len(frames)} images, expected one gray image a file")
    stored = frames[0]
    with config.disable_value_validation():
        try:
            padding = padding_of(file, stored)
            shown = _shown(file, stored, padding)
        except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError) as error:
            raise ReadError(f"{path}: its window or look-up table cannot be used ({error})") from error
        kind, shape = (
            str(file.get(key) or "").strip() for key in ("PhotometricInterpretation", "PresentationLUTShape")
        )
        stated = about_of(file)
    notes = []
    if "MONOCHROME1" in kind or shape == "INVERSE":
        shown = np.float32(255) - shown
        reason = "MONOCHROME1" if "MONOCHROME1" in kind else "PresentationLUTShape INVERSE"
        notes.append(f"{reason}: turned round, so that bone is bright")
    if padding is not None:
        shown[padding] = 0
        notes.append(f"{np.count_nonzero(padding)} pixels of padding are black")
    return shown, "; ".join(notes), stated


def _shown(file: Any, stored: NDArray[Any], padding: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    values = apply_modality_lut(stored, file)
    if file.get("VOILUTSequence"):
        table = file.VOILUTSequence[0].LUTDescriptor
        top = 2.0 ** int(table[2]) - 1
        return stretched(apply_voi_lut(np.rint(values).astype(np.int32), file).astype(np.float32), 0.0, top)
    values = values.astype(np.float32)
    centre, width = _first(file.get("WindowCenter")), _first(file.get("WindowWidth"))
    if centre is None or width is None or width <= 0:
        inside = values if padding is None else values[~padding]
        return stretched(values, float(inside.min()), float(inside.max()))
    if str(file.get("VOILUTFunction") or "") == "SIGMOID":
        exponent = np.clip(-4 * (values - np.float32(centre)) / np.float32(width), -80, 80)
        return np.asarray(np.float32(255) / (1 + np.exp(exponent)), np.float32)
    return stretched(values, centre - width / 2, centre + width / 2)


def _first(value: Any) -> float | None:
    """The first of several values; none if there is none."""
    if value is None or value == "":
        return None
    return float(value) if isinstance(value, str | int | float) else (float(value[0]) if len(value) else None)
