"""All DICOM files of a source folder: the stacks of each folder, the radiographs, and what is neither."""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pcrl.datasets.case import Unreadable
from pcrl.datasets.dicom.header import DicomError, Header, is_dicom
from pcrl.datasets.dicom.placement import place, places
from pcrl.datasets.dicom.reading import headers_of
from pcrl.datasets.dicom.stacks import Stack, stacks_of
from pcrl.listing import counted, few
from pcrl.regular import why_not_regular

SUFFIXES = (".dcm", ".dicom")
"""Of files that are DICOM, or damaged."""


@dataclass(slots=True)
class DicomTree:
    """What the DICOM files below `source` are.

    Args:
        slices: by the folder that they are in.
        radiographs: each an image of its own.
        left_out: reason → how many files are neither.
        unreadable: files that should be DICOM and cannot be read.
    """

    source: Path
    slices: dict[Path, list[Header]] = field(default_factory=dict)
    radiographs: list[Header] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    unreadable: list[Unreadable] = field(default_factory=list)
    _found: list[Path] = field(default_factory=list)

    def look(self, folder: Path, names: Iterable[str]) -> None:
        """Take note of those files of a folder that are DICOM, or should be; `read` reads their headers."""
        for path in (folder / name for name in names):
            try:
                if is_dicom(path):
                    self._found.append(path)
                elif path.name.lower().endswith(SUFFIXES):
                    reason = why_not_regular(path) or "does not begin as a DICOM file does"
                    self._cannot_read(path, f"{path}: {reason}; copy it again, or remove it")
            except OSError as error:
                self._cannot_read(path, f"{path}: cannot be read: {error.strerror}")

    def read(self) -> None:
        """Read the headers of what `look` has found."""
        for path, header in headers_of(self._found):
            if isinstance(header, str):
                self._cannot_read(path, header)
            else:
                self._sort_in(header)
        self._found.clear()

    def _sort_in(self, header: Header) -> None:
        if header.left_out:
            self.left_out[header.left_out] += 1
        elif header.is_radiograph:
            self.radiographs.append(header)
        else:
            self.slices.setdefault(header.file.parent, []).append(header)

    def _cannot_read(self, path: Path, reason: str) -> None:
        self.unreadable.append(Unreadable(str(path.relative_to(self.source)), reason))

    def stacks(self) -> tuple[dict[Path, list[Stack]], list[str]]:
        """The stacks of each folder, and notes on copies and on what is no volume.

        A series that lies in several folders, each with other slices of it, is one stack of the first of them.
        """
        slices, notes = _together(self.slices)
        copies = []
        found: dict[Path, list[Stack]] = {}
        first: dict[frozenset[tuple[str, int]], Stack] = {}
        for folder, headers in slices.items():
            sorted_out = stacks_of(headers)
            self.left_out += sorted_out.left_out
            for stack in sorted_out.found:
                identity = frozenset((frame.uid, frame.index) for frame in stack.frames)
                other = first.setdefault(identity, stack)
                if other is not stack and len(identity) == len(stack.frames) and _same_files(other, stack):
                    copies.append(f"{folder} (as in {other.frames[0].file.parent})")
                    continue
                found.setdefault(folder, []).append(stack)
        if copies:
            number = counted(len(copies), "folder")
            notes.append(f"{number} with a copy of a series that lies elsewhere, passed over: {few(copies)}")
        return found, notes

    def left_out_notes(self) -> list[str]:
        """What of DICOM is neither in a volume nor a radiograph, and why."""
        return [
            f"left out: {reason}: {count} DICOM files or frames" for reason, count in self.left_out.items()
        ]


def _same_files(one: Stack, other: Stack) -> bool:
    """Whether two stacks of the same identifiers are the same bytes; some anonymisers give all people the same ones."""
    files = {(frame.uid, frame.index): frame.file for frame in one.frames}
    pairs = {(files[frame.uid, frame.index], frame.file) for frame in other.frames}
    return all(filecmp.cmp(mine, theirs, shallow=False) for mine, theirs in pairs)


def _together(slices: dict[Path, list[Header]]) -> tuple[dict[Path, list[Header]], list[str]]:
    """The slices with those of a series that was split over folders in the first of them, and notes on that."""
    series: dict[tuple[str, str], dict[Path, list[Header]]] = {}
    for folder, headers in slices.items():
        for header in headers:
            if header.series:
                series.setdefault((header.series, header.person.id), {}).setdefault(folder, []).append(header)
    result = {folder: list(headers) for folder, headers in slices.items()}
    split = []
    for parts in series.values():
        if len(parts) < 2 or not _is_one(parts):
            continue
        first, *others = parts
        for folder in others:
            moved = set(map(id, parts[folder]))
            result[folder] = [header for header in result[folder] if id(header) not in moved]
            result[first] += parts[folder]
        split.append(f"{first} ({counted(len(others), 'more folder')})")
    if not split:
        return result, []
    number = counted(len(split), "folder")
    return result, [f"{number} whose series goes on in others, and is one case: {few(split)}"]


def _is_one(parts: dict[Path, list[Header]]) -> bool:
    """Whether the slices of several folders make as many even stacks as those of one."""
    headers = [header for listed in parts.values() for header in listed]
    uids = {(frame.uid, frame.index) for header in headers for frame in header.frames}
    if len({header.person.study for header in headers}) > 1 or len(uids) < sum(
        len(h.frames) for h in headers
    ):
        return False
    joined, single = stacks_of(headers), [stacks_of(listed) for listed in parts.values()]
    most = max(len(stacks.found) for stacks in single)
    if not joined.found or joined.left_out or len(joined.found) > most:
        return False
    try:
        for stack in joined.found:
            ordered = places(stack.frames)
            if len(ordered) < len(stack.frames):
                return False
            place([stack.frames[index] for (index,) in ordered])
    except DicomError:
        return False
    return True
