"""Who DICOM says that files are of: a name for each person, that does not tell who it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pcrl.datasets.dicom.header import Person
from pcrl.datasets.dicom.secret import Secret
from pcrl.listing import counted

_PLACEHOLDERS = {
    "anon", "anonym", "anonymous", "anonymised", "anonymized", "deidentified", "none", "null", "unknown", "unnamed",
    "na", "nil", "noid", "noname", "nopatientid", "patient", "patientid", "id", "test", "removed", "hidden", "empty",
    "default", "undefined", "notavailable", "notapplicable", "subject", "dummy", "nan", "patientname",
    "redacted", "confidential",
}  # fmt: skip
_FILLER = re.compile(r"0*|x+|9{4,}|(0*)123456(7(8(90?)?)?)?")
_UNIQUE = re.compile(r"\d+(\.\d+){2,}")


@dataclass(frozen=True, slots=True)
class People:
    """Names in the order of the files: none where it is not known who it is.

    Args:
        problems: why some are not known, in words.
    """

    names: tuple[str | None, ...]
    problems: tuple[str, ...]


def people(persons: Sequence[Person | None], secret: Secret) -> People:
    """A name for each person, made of the patient ID with the secret.

    No person is: an empty ID or a placeholder; one that looks like a unique identifier and is the same for all of
    several studies; one with two dates of birth or both sexes. Files of one study are of one person nevertheless.
    """
    known: dict[str, list[Person]] = {}
    for person in persons:
        if person is not None:
            known.setdefault(person.id, []).append(person)
    refused = {
        id_: reason for id_, theirs in known.items() if (reason := _no_person(id_, theirs, len(known)))
    }
    studies = _shared_studies([person for id_ in refused for person in known[id_]])
    names: list[str | None] = []
    for person in persons:
        if person is None:
            names.append(None)
        elif person.id not in refused:
            names.append("p-" + secret.name(f"patient:{person.id}"))
        else:
            shared = person.study in studies
            names.append("study-" + secret.name(f"study:{person.study}") if shared else None)
    counts = Counter(refused[person.id] for person in persons if person is not None and person.id in refused)
    told = [f"{reason} ({counted(count, 'time')})" for reason, count in counts.items()]
    if studies:
        told.append("those of one study count as one person")
    return People(tuple(names), tuple(told))


def _shared_studies(persons: Sequence[Person]) -> set[str]:
    """Studies of which there are several files, and nothing says that these are of several people."""
    described: dict[str, list[tuple[str, str]]] = {}
    for person in persons:
        described.setdefault(person.study, []).append((person.birth, person.sex))
    return {study for study, each in described.items() if study and len(each) > 1 and len(set(each)) == 1}


def _no_person(id_: str, theirs: Sequence[Person], known: int) -> str:
    if not id_:
        return "PatientID is empty"
    plain = re.sub(r"[\W_]+", "", id_).lower()
    if plain in _PLACEHOLDERS or _FILLER.fullmatch(plain):
        return "PatientID is a placeholder"
    if _UNIQUE.fullmatch(id_) and known == 1 and len({person.study for person in theirs}) > 1:
        return "PatientID is one unique identifier for all studies"
    if len({person.birth for person in theirs if person.birth}) > 1:
        return "one PatientID has several dates of birth"
    if {"M", "F"} <= {person.sex.upper() for person in theirs}:
        return "one PatientID has both sexes"
    return ""
