"""Who DICOM says that files are of: a name for each person, that does not tell who it is."""

from __future__ import annotations

import re
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
    several studies; one with two dates of birth or both sexes.
    """
    known: dict[str, list[Person]] = {}
    for person in persons:
        if person is not None:
            known.setdefault(person.id, []).append(person)
    refused = {
        id_: reason for id_, theirs in known.items() if (reason := _no_person(id_, theirs, len(known)))
    }
    counts = {
        reason: sum(len(known[id_]) for id_, why in refused.items() if why == reason)
        for reason in refused.values()
    }
    names = tuple(
        None if person is None or person.id in refused else "p-" + secret.name(f"patient:{person.id}")
        for person in persons
    )
    return People(names, tuple(f"{reason} ({counted(count, 'time')})" for reason, count in counts.items()))


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
