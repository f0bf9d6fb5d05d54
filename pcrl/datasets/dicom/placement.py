"""Where the slices of a stack lie: their order, the step from one to the next, and whether it is even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.dicom.frames import Frame
from pcrl.datasets.dicom.header import DicomError

SAME_PLACE = 0.01
"""Millimetres within which two slices lie at one place."""
UNEVEN = 0.1
"""Share of the usual step by which a step may differ; a missing slice differs by 1."""
ASTRAY = 0.5
"""Share of the step by which a slice may lie off its even place, along the stack; sideways it is one pixel."""
COUNTED = (
    "frames state no position of their own: they lie behind each other from the first one on, as far apart as "
    "SpacingBetweenSlices says"
)
"""What a user should know where `Frame.counted`."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A stack in the patient, LPS, mm.

    Args:
        origin: of the first voxel.
        row, column, normal: unit vectors along a row, down a column, and across the slices; right-handed.
        step: from a slice to the next; it leans from `normal` if the gantry was tilted.
        notes: what a user should know.
    """

    origin: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    normal: NDArray[np.float64]
    step: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    @property
    def shear(self) -> NDArray[np.float64]:
        """By how much each slice is moved sideways against the one before."""
        return self.step - (self.step @ self.normal) * self.normal


def axes(frames: Sequence[Frame]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Row, column and normal of a stack, made orthonormal.

    Raises:
        DicomError: no orientation, or one that is none.
    """
    stated = frames[0].orientation
    if stated is None:
        raise DicomError("no ImageOrientationPatient: how the slices lie in the patient is not known")
    row, column = np.array(stated[:3]), np.array(stated[3:])
    if (
        abs(np.linalg.norm(row) - 1) > 0.01
        or abs(np.linalg.norm(column) - 1) > 0.01
        or abs(row @ column) > 0.01
    ):
        raise DicomError(f"ImageOrientationPatient is {stated}, expected two unit vectors at a right angle")
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return row, column, np.cross(row, column)


def positions(frames: Sequence[Frame]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """(slice, 3) LPS of the first pixels, and a note if they had to be made of SliceLocation.

    Raises:
        DicomError: a slice of unknown position.
    """
    missing = sum(frame.position is None for frame in frames)
    if not missing:
        points = np.array([frame.position for frame in frames], float)
        return points, (COUNTED,) if any(frame.counted for frame in frames) else ()
    if len(frames) > 1 and len({frame.file for frame in frames}) == 1:
        raise DicomError(
            f"{missing} of {len(frames)} frames have no ImagePositionPatient of their own, and the file does not state "
            "what their places would follow from: the position of the first frame, one orientation, "
            "SpacingBetweenSlices, and InStackPositionNumber if anything else tells the frames apart. Export it again"
        )
    _, _, normal = axes(frames)
    locations = [frame.location for frame in frames]
    told = missing == len(frames) and None not in locations and len(set(locations)) > 1
    if not told or abs(normal[2]) < 0.7:
        raise DicomError(
            f"{missing} of {len(frames)} slices have no ImagePositionPatient, and SliceLocation does not tell where "
            "they lie: it must be there for all slices, and these must be axial. Export the series again"
        )
    # The location of axial slices is their z.
    heights = np.array(locations, float) / normal[2]
    return heights[:, None] * normal, (
        "no ImagePositionPatient: the distances of slices are those of SliceLocation; where they lie across is unknown",
    )


def places(frames: Sequence[Frame]) -> list[list[int]]:
    """Indices of the slices in order along the stack; those at one place are together.

    Raises:
        DicomError: position or orientation is not known.
    """
    heights = positions(frames)[0] @ axes(frames)[2]
    grouped: list[list[int]] = []
    last = -np.inf
    for index in np.argsort(heights, kind="stable"):
        if grouped and heights[index] - last < SAME_PLACE:
            grouped[-1].append(int(index))
        else:
            grouped.append([int(index)])
            last = heights[index]
    return grouped


def place(frames: Sequence[Frame]) -> Placement:
    """Where a stack lies, of slices in the order of `places`, one a place.

    Raises:
        DicomError: one slice; no pixel spacing; slices missing, doubled, or off their line.
    """
    row, column, normal = axes(frames)
    points, notes = positions(frames)
    spacing = frames[0].spacing
    if spacing is None or min(spacing) <= 0:
        raise DicomError("no PixelSpacing: how large the pixels are is not known")
    if len(points) < 2:
        raise DicomError("all slices lie at one place: no volume")
    steps = np.diff(points @ normal)
    usual = float(np.median(steps))
    worst = int(np.argmax(np.abs(steps - usual)))
    if usual <= 0 or abs(steps[worst] - usual) > UNEVEN * usual:
        gap = round(float(steps[worst]) / usual) - 1 if usual > 0 else 0
        lost = f"{gap} slices are missing there" if gap > 1 else "a slice is missing or doubled"
        raise DicomError(
            f"slices are not evenly spaced: {usual:.2f} mm usually, {steps[worst]:.2f} mm after slice {worst + 1} of "
            f"{len(frames)} (tolerance {UNEVEN:.0%}); {lost}: complete the series, or split it"
        )
    step = (points[-1] - points[0]) / (len(points) - 1)
    off = points - points[0] - np.arange(len(points))[:, None] * step
    along = np.abs(off @ normal)
    across = np.linalg.norm(off - (off @ normal)[:, None] * normal, axis=1)
    if along.max() > ASTRAY * usual or across.max() > min(spacing):
        slice_number = int(np.argmax(np.maximum(along / (ASTRAY * usual), across / min(spacing)))) + 1
        raise DicomError(
            f"slice {slice_number} of {len(frames)} lies {along[slice_number - 1]:.1f} mm along and "
            f"{across[slice_number - 1]:.1f} mm across from its place on an even line (tolerance "
            f"{ASTRAY * usual:.1f} and {min(spacing):.1f} mm): these are not slices of one stack"
        )
    if along.max() > 0.01 * usual:
        notes = (
            *notes,
            f"uneven spacing was made even, which moves no slice by more than {along.max():.2f} mm",
        )
    return Placement(points[0], row, column, normal, step, notes)
