"""Reading a stack of DICOM slices as one volume: placed by position, rescaled one by one, straightened if tilted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.dicom.frames import Frame
from pcrl.datasets.dicom.header import DicomError, is_dicom, read_header
from pcrl.datasets.dicom.placement import Placement, place, places
from pcrl.datasets.dicom.stacks import Stack, stacks_of
from pcrl.engine.dicom import padding_of, stored_pixels
from pcrl.engine.errors import ReadError
from pcrl.listing import counted, few

LEAN = 0.5
"""Pixels by which the last slice may be off sideways before a stack counts as sheared, and is resampled."""


def stack_in(path: Path) -> tuple[Stack, list[str]]:
    """The one stack that a file or a folder holds, and notes on slices that are no volume.

    Raises:
        ReadError: none, or several.
    """
    try:
        files = [path] if path.is_file() else sorted(file for file in path.iterdir() if is_dicom(file))
        headers = [read_header(file) for file in files]
    except DicomError as error:
        raise ReadError(str(error)) from error
    except OSError as error:
        raise ReadError(f"{path}: {error.filename} cannot be read: {error.strerror}") from error
    found = stacks_of(header for header in headers if header.frames)
    found.left_out += Counter(header.left_out for header in headers if header.left_out)
    left_out = [f"{counted(count, 'slice')} left out: {reason}" for reason, count in found.left_out.items()]
    if not found.found:
        raise ReadError(
            f"{path}: no DICOM series of a volume here" + (f"; {'; '.join(left_out)}" if left_out else "")
        )
    if len(found.found) > 1:
        names = [f"{s.series} {s.part}".strip() + f" ({len(s.frames)} slices)" for s in found.found]
        raise ReadError(
            f"{path}: {len(names)} DICOM series or stacks, expected one: {few(names)}; keep one there"
        )
    return found.found[0], left_out


def read_stack(path: Path, stack: Stack) -> tuple[Any, list[str]]:
    """The SimpleITK image of a stack, not reoriented, and what a user should know of it.

    Values are int16 where all of them fit, int32 where they are whole, else float32.

    Raises:
        ReadError: a file that cannot be read; slices that are missing, doubled or of unknown position.
    """
    pixels: dict[Path, NDArray[Any]] = {}
    try:
        kept, slices, notes = _in_order(stack.frames, pixels)
        placement = place(kept)
    except DicomError as error:
        raise ReadError(f"{path}: {error}") from error
    notes += placement.notes
    scales = Counter((frame.slope, frame.intercept) for frame in kept)
    if len(scales) > 1:
        notes.append(f"slices are scaled in {len(scales)} ways, each by its own slope and intercept")
    image = _image(_rescaled(kept, slices), placement, kept[0])
    lean = float(np.linalg.norm(placement.shear)) * (len(kept) - 1)
    tilt = max(abs(frame.tilt) for frame in kept)
    if lean > LEAN * min(image.GetSpacing()[:2]):
        angle = np.degrees(np.arctan2(np.linalg.norm(placement.shear), placement.step @ placement.normal))
        notes.append(
            f"slices lean by {angle:.1f}° (gantry tilt), {lean:.1f} mm from first to last: resampled to a straight "
            "grid, new corners hold the smallest value"
        )
        image = _straightened(image, placement)
    elif tilt > 0.5:
        notes.append(
            f"the header states a gantry tilt of {tilt:g}°, positions and orientation none: taken as straight"
        )
    return image, notes


def _in_order(
    frames: Sequence[Frame], pixels: dict[Path, NDArray[Any]]
) -> tuple[list[Frame], list[NDArray[Any]], list[str]]:
    """Slices from one end of the stack to the other with their stored values; identical copies are dropped."""
    kept, slices, dropped = [], [], 0
    for indices in places(frames):
        together = [_stored(frames[index], pixels) for index in indices]
        for index, other in zip(indices[1:], together[1:], strict=True):
            first = frames[indices[0]]
            if not np.array_equal(together[0], other) or (first.slope, first.intercept) != (
                frames[index].slope,
                frames[index].intercept,
            ):
                raise DicomError(
                    f"{len(indices)} different slices lie at one place ({first.file.name}, {frames[index].file.name}), "
                    "and nothing in their headers that is known here tells them apart: separate them"
                )
        dropped += len(indices) - 1
        kept.append(frames[indices[0]])
        slices.append(together[0])
    notes = [f"{counted(dropped, 'slice')} identical to another at the same place dropped"] if dropped else []
    return kept, slices, notes


def _stored(frame: Frame, pixels: dict[Path, NDArray[Any]]) -> NDArray[Any]:
    if frame.file not in pixels:
        pixels[frame.file] = _without_padding(*stored_pixels(frame.file))
    values = pixels[frame.file]
    if frame.index >= len(values) or values.shape[1:] != frame.shape:
        raise DicomError(f"{frame.file.name} holds {values.shape} pixels, its header announces more")
    return np.asarray(values[frame.index])


def _without_padding(file: Any, stored: NDArray[Any]) -> NDArray[Any]:
    """Padding that would be brighter than something of the image is as dark as the darkest of it."""
    padding = padding_of(file, stored)
    if padding is None:
        return stored
    darkest = stored[~padding].min()
    return np.where(padding & (stored > darkest), darkest, stored)


def _rescaled(frames: Sequence[Frame], slices: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """(z, y, x); each slice by its own slope and intercept."""
    if any(frame.slope != 1 or frame.intercept != round(frame.intercept) for frame in frames):
        values = np.empty((len(slices), *slices[0].shape), np.float32)
        for out, frame, one in zip(values, frames, slices, strict=True):
            out[:] = one * np.float32(frame.slope) + np.float32(frame.intercept)
        return values
    lows = min(int(one.min()) + round(frame.intercept) for frame, one in zip(frames, slices, strict=True))
    highs = max(int(one.max()) + round(frame.intercept) for frame, one in zip(frames, slices, strict=True))
    fits = lows >= -32768 and highs <= 32767
    whole = np.empty((len(slices), *slices[0].shape), np.int16 if fits else np.int32)
    for out, frame, one in zip(whole, frames, slices, strict=True):
        out[:] = one.astype(np.int32) + round(frame.intercept)
    return whole


def _image(values: NDArray[Any], placement: Placement, first: Frame) -> Any:
    import SimpleITK as sitk

    assert first.spacing is not None
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((first.spacing[1], first.spacing[0], float(placement.step @ placement.normal)))
    image.SetOrigin(tuple(float(mm) for mm in placement.origin))
    image.SetDirection(tuple(np.stack([placement.row, placement.column, placement.normal], axis=1).ravel()))
    return image


def _straightened(image: Any, placement: Placement) -> Any:
    """A sheared stack on a straight grid that holds all of it: each slice is moved sideways to where it lies."""
    import SimpleITK as sitk

    shear, last = placement.shear, image.GetSize()[2] - 1
    lean = (
        np.array([shear @ placement.row, shear @ placement.column]) * last / np.array(image.GetSpacing()[:2])
    )
    before = [int(np.ceil(max(0.0, -pixels))) for pixels in lean]
    after = [int(np.ceil(max(0.0, pixels))) for pixels in lean]
    smallest = float(sitk.GetArrayViewFromImage(image).min())
    grid = sitk.ConstantPad(image, [*before, 0], [*after, 0], smallest)
    # From a place in the patient to where the straight image has put its voxel: back by the shear of its height.
    across = placement.normal / float(placement.step @ placement.normal)
    matrix = np.eye(3) - np.outer(shear, across)
    back = sitk.AffineTransform(3)
    back.SetMatrix(tuple(matrix.ravel()))
    back.SetCenter(tuple(float(mm) for mm in placement.origin))
    return sitk.Resample(image, grid, back, sitk.sitkLinear, smallest)
