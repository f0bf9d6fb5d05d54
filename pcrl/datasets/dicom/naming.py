"""The cases of a DICOM tree: their names, and whom they are of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pcrl.datasets.case import Case
from pcrl.datasets.dicom.people import people
from pcrl.datasets.dicom.secret import Secret
from pcrl.datasets.dicom.stacks import Stack
from pcrl.datasets.names import safe_name
from pcrl.listing import counted, few


def cases_of(stacks: Mapping[Path, Sequence[Stack]], source: Path) -> list[Case]:
    """A case for each stack, called by its folder; where a folder has several, by series and part, too.

    The series is told by its number and eight digits of a hash of its identifier, so that a name stays what it is when
    further series come. A patient is not named.
    """
    cases: list[Case] = []
    for folder, listed in stacks.items():
        base = safe_name(source.resolve().name if folder == source else str(folder.relative_to(source)))
        several = len({(stack.series, stack.person.id) for stack in listed}) > 1
        taken: set[str] = set()
        for stack in listed:
            digest = hashlib.sha256(stack.series.encode()).hexdigest()[:8]
            series = f"s{stack.series_number or 0}-{digest}" if several else ""
            plain = safe_name("-".join(word for word in (base, series, stack.part) if word))
            name, number = plain, 2
            while name in taken:
                name, number = f"{plain}-{number}", number + 1
            taken.add(name)
            cases.append(Case(name, name, (folder,), stack=stack))
    return cases


def with_people(cases: Iterable[Case], secret: Secret) -> tuple[list[Case], list[str]]:
    """The cases with the patients that DICOM names, and why some have none."""
    listed = list(cases)
    known = people([case.stack.person if case.stack is not None else None for case in listed], secret)
    named = [
        case if name is None else replace(case, patient=name)
        for case, name in zip(listed, known.names, strict=True)
    ]
    return named, list(known.problems)


def several_notes(stacks: Mapping[Path, Sequence[Stack]]) -> list[str]:
    """Which folders hold more than one case, and what tells these apart: one note, or none."""
    several = []
    for folder, listed in stacks.items():
        series = len({(stack.series, stack.person.id) for stack in listed})
        parts = sorted({stack.part for stack in listed if stack.part})
        if len(listed) > 1:
            apart = f", told apart as {few(parts, 6)}" if parts else ""
            several.append(f"{folder} ({len(listed)} volumes of {series} series{apart})")
    if not several:
        return []
    return [
        f"{counted(len(several), 'folder')} with several volumes, each of which is a case: {few(several)}"
    ]
