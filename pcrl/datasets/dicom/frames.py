"""The frames of a DICOM file: where each lies, how its values are scaled, and what may tell it from others there.

A classic file is one frame. Of an enhanced one, what concerns a frame is in its functional groups, what concerns all
in the shared ones (DICOM PS3.3, C.7.6.16); both are looked up by the same keywords.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

PLACES = (
    "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceLocation",
    "RescaleSlope", "RescaleIntercept", "GantryDetectorTilt", "SpacingBetweenSlices", "DetectorInformationSequence",
)  # fmt: skip
MARKS: Mapping[str, str] = MappingProxyType(
    {
        "StackID": "stack",
        "EchoTime": "echo",
        "EffectiveEchoTime": "echo",
        "EchoNumbers": "echo",
        "TemporalPositionIdentifier": "time",
        "TemporalPositionIndex": "time",
        "ImageType": "type",
        "FrameType": "type",
        "DiffusionBValue": "b",
        "DiffusionGradientOrientation": "direction",
        "NominalCardiacTriggerDelayTime": "phase",
        "NominalPercentageOfCardiacPhase": "phase",
        "TriggerTime": "phase",
        "InversionTime": "inversion",
        "AcquisitionNumber": "acquisition",
        "FrameAcquisitionNumber": "acquisition",
        "AcquisitionTime": "acquired",
        "FrameAcquisitionDateTime": "acquired",
    }
)
"""What may differ between slices at one place → what a case that is told apart by it is called, in order of trial."""
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """One slice of one file.

    Args:
        uid: of the file's content: two files of one are copies.
        index: of the frame in the file.
        shape: rows and columns.
        position: LPS of the centre of the first pixel, mm; none if it is not stated.
        orientation: LPS direction along a row, then down a column; none if it is not stated.
        spacing: between rows, between columns, mm; none if it is not stated.
        location: SliceLocation, mm.
        slope, intercept: stored value · slope + intercept is the value.
        tilt: of the gantry, degrees, as a CT states it.
        marks: keyword → value of those of `MARKS` that are stated.
        counted: its position is not its own, but follows from the first one and the spacing between slices.
    """

    file: Path
    uid: str
    index: int
    shape: tuple[int, int]
    position: Point | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    location: float | None
    slope: float
    intercept: float
    tilt: float
    marks: Mapping[str, str]
    counted: bool = False


def frames_of(path: Path, header: Any) -> tuple[Frame, ...]:
    """All frames of a file.

    Args:
        header: a pydicom data set.
    """
    shared = [*_groups(header.get("SharedFunctionalGroupsSequence"), 0), header, *_detector(header)]
    each = header.get("PerFrameFunctionalGroupsSequence")
    count = len(each) if each else int(header.get("NumberOfFrames") or 1)
    own = [_groups(each, index) for index in range(count)]
    frames = tuple(_frame(path, index, [*groups, *shared]) for index, groups in enumerate(own))
    if count == 1:
        return frames
    # One position for many frames is that of the first of them at most.
    placed = [any(group.get("ImagePositionPatient") for group in groups) for groups in own]
    if not any(placed):
        return _counted(frames, own, shared)
    return tuple(
        frame if known else replace(frame, position=None) for frame, known in zip(frames, placed, strict=True)
    )


def _counted(frames: tuple[Frame, ...], own: list[list[Any]], shared: list[Any]) -> tuple[Frame, ...]:
    """Frames without positions of their own, placed from the first one on along the normal, if the file states how.

    What it must state: the position of the first frame, one orientation, the spacing between slices (a thickness is
    none), and the place of each frame in the stack, unless nothing but its place can tell one frame from another. The
    sign of the spacing counts in nuclear medicine alone (DICOM PS3.3, C.8.4.15).
    """
    first = frames[0]
    spacing = _numbers(shared, "SpacingBetweenSlices", 1)
    step = spacing[0] if spacing else 0.0
    numbers = [_numbers(groups, "InStackPositionNumber", 1) for groups in own]
    stated = [round(number[0]) - 1 for number in numbers if number]
    nuclear = _value(shared, "Modality") == "NM"
    alone = all(frame.marks == first.marks for frame in frames)
    places = (
        stated if len(stated) == len(frames) else list(range(len(frames))) if alone and not stated else []
    )
    if (
        first.position is None
        or first.orientation is None
        or any(frame.orientation != first.orientation for frame in frames)
        or len({frame.marks.get("StackID") for frame in frames}) > 1
        or not places
        or step == 0
        or (step < 0 and not nuclear)
        or (nuclear and "RECON TOMO" not in first.marks.get("ImageType", ""))
    ):
        return tuple(replace(frame, position=None) for frame in frames)
    (a, b, c), (d, e, f) = first.orientation[:3], first.orientation[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    x, y, z = first.position
    return tuple(
        replace(
            frame,
            position=(x + n * step * normal[0], y + n * step * normal[1], z + n * step * normal[2]),
            counted=True,
        )
        for frame, n in zip(frames, places, strict=True)
    )


def _groups(sequence: Any, index: int) -> list[Any]:
    """The first items of all functional groups of one item, and of what is nested in them."""
    if not sequence or index >= len(sequence):
        return []
    groups = _items(sequence[index])
    return [*groups, *(nested for group in groups for nested in _items(group))]


def _detector(header: Any) -> list[Any]:
    """The one detector of nuclear medicine, where position and orientation of the first frame are stated."""
    detectors = header.get("DetectorInformationSequence") or []
    return list(detectors) if len(detectors) == 1 else []


def _items(group: Any) -> list[Any]:
    return [element.value[0] for element in group if element.VR == "SQ" and element.value]


def _value(groups: Sequence[Any], keyword: str) -> Any:
    """What the first of the groups that states it says."""
    return next((found for group in groups if (found := group.get(keyword)) not in (None, "")), None)


def _numbers(groups: Sequence[Any], keyword: str, count: int) -> tuple[float, ...] | None:
    stated = _value(groups, keyword)
    if stated is None:
        return None
    parts = stated if count > 1 else [stated]
    try:
        listed = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return None
    return listed if len(listed) == count and all(math.isfinite(part) for part in listed) else None


def _frame(path: Path, index: int, groups: list[Any]) -> Frame:
    def number(keyword: str, default: float) -> float:
        listed = _numbers(groups, keyword, 1)
        return default if listed is None else listed[0]

    position, spacing, location = (
        _numbers(groups, keyword, count)
        for keyword, count in (("ImagePositionPatient", 3), ("PixelSpacing", 2), ("SliceLocation", 1))
    )
    return Frame(
        path,
        str(_value(groups, "SOPInstanceUID") or ""),
        index,
        (int(_value(groups, "Rows") or 0), int(_value(groups, "Columns") or 0)),
        None if position is None else (position[0], position[1], position[2]),
        _numbers(groups, "ImageOrientationPatient", 6),
        None if spacing is None else (spacing[0], spacing[1]),
        None if location is None else location[0],
        number("RescaleSlope", 1.0),
        number("RescaleIntercept", 0.0),
        number("GantryDetectorTilt", 0.0),
        {keyword: str(found) for keyword in MARKS if (found := _value(groups, keyword)) is not None},
    )
