"""The cases of a DICOM tree: their names, and whom they are of."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pcrl.datasets.case import Case
from pcrl.datasets.dicom.people import people
from pcrl.datasets.dicom.secret import Secret
from pcrl.datasets.dicom.stacks import Stack
from pcrl.datasets.tree import safe_name


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
    """The cases with the patients that DICOM names, and why some have none.

    Cases of one study are of one person even where it is not known who that is.
    """
    listed = list(cases)
    persons = [case.stack.person if case.stack is not None else None for case in listed]
    known = people(persons, secret)
    together = Counter(person.study for person in persons if person is not None and person.study)
    apart = {
        study
        for study in together
        if len({(p.birth, p.sex) for p in persons if p is not None and p.study == study}) > 1
    }
    named = []
    for case, name, person in zip(listed, known.names, persons, strict=True):
        study = person.study if person is not None else ""
        if name is None and together[study] > 1 and study not in apart:
            name = "study-" + secret.name(f"study:{study}")
        named.append(case if name is None else replace(case, patient=name))
    return named, list(known.problems)
