"""From slices to stacks: each is one volume, of one series, one plane, one echo and one time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pcrl.datasets.about import UNSTATED, About
from pcrl.datasets.dicom.frames import MARKS, Frame
from pcrl.datasets.dicom.header import DicomError, Header, Person
from pcrl.datasets.dicom.placement import place, places
from pcrl.datasets.tree import natural

SMALLEST = 4
"""Slices below which there is no volume."""
SMALLEST_OF_SEVERAL = 12
"""The same in a series of several planes: a localiser has few in each."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The slices of one volume, in no order.

    Args:
        part: what tells it from the others of its series, such as `echo2`; empty if there are none.
        about: age and sex of the person, if they are stated.
    """

    frames: tuple[Frame, ...]
    modality: str
    series: str
    series_number: str
    part: str
    person: Person
    about: About = UNSTATED


@dataclass(slots=True)
class Stacks:
    """What was made of the slices of a folder: stacks, and why some slices are in none (reason → slices)."""

    found: list[Stack] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def stacks_of(headers: Iterable[Header]) -> Stacks:
    """Put the slices of a folder together: by series and person, size and plane, and what differs at one place.

    Slices that lie at one place and that nothing tells apart stay together: whoever reads them drops those that are
    identical, and refuses the others.
    """
    series: dict[tuple[str, ...], list[Header]] = {}
    for header in headers:
        # A picture of a screen may be in the series of its slices.
        series.setdefault((header.series, header.person.id, header.sop_class), []).append(header)
    result = Stacks()
    for listed in series.values():
        planes = _planes([frame for header in listed for frame in header.frames])
        directions = _directions(planes)
        smallest = SMALLEST_OF_SEVERAL if directions > 1 else SMALLEST
        numbered = [f"plane{number}" for number in range(1, len(planes) + 1)] if len(planes) > 1 else [""]
        for name, plane in zip(numbered, planes, strict=True):
            if len(plane) < smallest:
                reason = (
                    f"a localiser: {directions} planes of few slices"
                    if directions > 1
                    else "too few for a volume"
                )
                result.left_out[f"{reason} (at least {smallest} are needed)"] += len(plane)
                continue
            for part, frames in _apart(plane):
                if len(frames) < smallest:
                    reason = "too few at each time, echo or other state for a volume"
                    result.left_out[f"{reason} (at least {smallest} are needed)"] += len(frames)
                    continue
                first = listed[0]
                label = "-".join(word for word in (name, part) if word)
                result.found.append(
                    Stack(
                        tuple(frames),
                        first.modality,
                        first.series,
                        first.series_number,
                        label,
                        first.person,
                        first.about,
                    )
                )
    return result


def _planes(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Slices of one size, spacing and orientation together."""
    planes: list[list[Frame]] = []
    for frame in frames:
        for plane in planes:
            if _alike(plane[0], frame):
                plane.append(frame)
                break
        else:
            planes.append([frame])
    return planes


def _alike(one: Frame, other: Frame) -> bool:
    return (
        one.shape == other.shape
        and _close(one.orientation, other.orientation, 2e-3)
        and _close(one.spacing, other.spacing, 1e-3)
    )


def _close(one: tuple[float, ...] | None, other: tuple[float, ...] | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.allclose(one, other, rtol=0, atol=tolerance))


def _directions(planes: Sequence[Sequence[Frame]]) -> int:
    different: list[tuple[float, ...] | None] = []
    for plane in planes:
        if not any(_close(plane[0].orientation, seen, 0.1) for seen in different):
            different.append(plane[0].orientation)
    return len(different)


def _apart(frames: list[Frame]) -> list[tuple[str, list[Frame]]]:
    """Name and slices of each stack of one plane; one, without a name, if no two slices lie at one place."""
    most = _most_at_one_place(frames)
    if most < 2 and not _is_even(frames):
        return _packages(frames)
    for keyword, word in MARKS.items():
        if most < 2:
            break
        values = sorted({frame.marks.get(keyword, "") for frame in frames}, key=natural)
        # A value for each slice, such as a time, tells slices apart but no stacks.
        if not 1 < len(values) <= most:
            continue
        split = []
        for number, value in enumerate(values, 1):
            inner = _apart([frame for frame in frames if frame.marks.get(keyword, "") == value])
            split += [("-".join(filter(None, (f"{word}{number}", name))), part) for name, part in inner]
        # What does not bring slices at one place apart is of no use.
        if max(_most_at_one_place(part) for _, part in split) < most:
            return split
    return [("", frames)]


def _packages(frames: list[Frame]) -> list[tuple[str, list[Frame]]]:
    """Slices that are not even together, as blocks that are even each and that the headers tell apart; else as one."""
    for keyword in ("StackID", "AcquisitionNumber", "FrameAcquisitionNumber"):
        values = sorted({frame.marks.get(keyword, "") for frame in frames}, key=natural)
        blocks = [[frame for frame in frames if frame.marks.get(keyword, "") == value] for value in values]
        if len(blocks) > 1 and all(len(block) >= SMALLEST and _is_even(block) for block in blocks):
            return [(f"{MARKS[keyword]}{number}", block) for number, block in enumerate(blocks, 1)]
    return [("", frames)]


def _is_even(frames: Sequence[Frame]) -> bool:
    try:
        place([frames[index] for index, *_ in places(frames)])
    except DicomError:
        return False
    return True


def _most_at_one_place(frames: Sequence[Frame]) -> int:
    try:
        return max(len(place) for place in places(frames))
    except DicomError:
        return 1  # Whoever reads it says what is wrong with it.
