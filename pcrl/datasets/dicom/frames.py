"""The frames of a DICOM file: where each lies, how its values are scaled, and what may tell it from others there.

A classic file is one frame. Of an enhanced one, what concerns a frame is in its functional groups, what concerns all
in the shared ones (DICOM PS3.3, C.7.6.16); both are looked up by the same keywords.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

PLACES = (
    "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceLocation",
    "RescaleSlope", "RescaleIntercept", "GantryDetectorTilt",
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


def frames_of(path: Path, header: Any) -> tuple[Frame, ...]:
    """All frames of a file.

    Args:
        header: a pydicom data set.
    """
    shared = _groups(header.get("SharedFunctionalGroupsSequence"), 0)
    each = header.get("PerFrameFunctionalGroupsSequence")
    count = len(each) if each else int(header.get("NumberOfFrames") or 1)
    # One position for many frames is that of none of them.
    placed = bool(each) or count == 1
    return tuple(
        _frame(path, index, [*_groups(each, index), *shared, header], placed) for index in range(count)
    )


def _groups(sequence: Any, index: int) -> list[Any]:
    """The first items of all functional groups of one item, and of what is nested in them."""
    if not sequence or index >= len(sequence):
        return []
    groups = _items(sequence[index])
    return [*groups, *(nested for group in groups for nested in _items(group))]


def _items(group: Any) -> list[Any]:
    return [element.value[0] for element in group if element.VR == "SQ" and element.value]


def _frame(path: Path, index: int, groups: list[Any], placed: bool) -> Frame:
    def value(keyword: str) -> Any:
        return next((found for group in groups if (found := group.get(keyword)) not in (None, "")), None)

    def numbers(keyword: str, count: int) -> tuple[float, ...] | None:
        stated = value(keyword)
        if stated is None:
            return None
        parts = stated if count > 1 else [stated]
        try:
            listed = tuple(float(part) for part in parts)
        except (TypeError, ValueError):
            return None
        return listed if len(listed) == count and all(math.isfinite(part) for part in listed) else None

    def number(keyword: str, default: float) -> float:
        listed = numbers(keyword, 1)
        return default if listed is None else listed[0]

    position, spacing, location = (
        numbers("ImagePositionPatient", 3) if placed else None, numbers("PixelSpacing", 2), numbers("SliceLocation", 1),
    )  # fmt: skip
    return Frame(
        path,
        str(value("SOPInstanceUID") or ""),
        index,
        (int(value("Rows") or 0), int(value("Columns") or 0)),
        None if position is None else (position[0], position[1], position[2]),
        numbers("ImageOrientationPatient", 6),
        None if spacing is None else (spacing[0], spacing[1]),
        None if location is None else location[0],
        number("RescaleSlope", 1.0),
        number("RescaleIntercept", 0.0),
        number("GantryDetectorTilt", 0.0),
        {keyword: str(found) for keyword in MARKS if (found := value(keyword)) is not None},
    )
