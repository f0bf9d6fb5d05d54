"""Strata: groups of patients, such as the grades of their tumours, of which every part of a data set holds its share.

A stratum is a word that a layout gives each case; it is empty where it is not known.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pcrl.listing import counted, few


class Member(Protocol):
    """A case, as a layout finds it or as the cache has it."""

    @property
    def patient(self) -> str:
        """Whose it is."""

    @property
    def stratum(self) -> str:
        """What it belongs to; empty if that is not known."""


def strata_of(members: Iterable[Member]) -> dict[str, str]:
    """Patient → stratum: that of most of the patient's cases of which it is known, of as many the first by name."""
    found: dict[str, Counter[str]] = {}
    for member in members:
        strata = found.setdefault(member.patient, Counter())
        if member.stratum:
            strata[member.stratum] += 1
    return {
        patient: min(strata, key=lambda stratum: (-strata[stratum], stratum), default="")
        for patient, strata in found.items()
    }


def in_words(of_patients: Mapping[str, str]) -> str:
    """`2 HGG, 1 LGG, 1 not known`; empty if no stratum is known."""
    if not any(of_patients.values()):
        return ""
    counts = Counter(of_patients.values())
    known = sorted(stratum for stratum in counts if stratum)
    return ", ".join(
        f"{counts[stratum]} {stratum or 'not known'}" for stratum in [*known, *[""] * ("" in counts)]
    )


def notes_on(members: Sequence[Member], what: str, before: Iterable[Member] = ()) -> list[str]:
    """What is to be said of how a data set is divided by strata that are `what`, such as `grade`; none if it has none.

    Args:
        before: what was in the cache already.
    """
    if not what:
        return []
    of_patients = strata_of(members)
    unknown = [patient for patient, stratum in of_patients.items() if not stratum]
    if len(unknown) == len(of_patients):
        return [f"{what} is stated of no case: patients are divided by the hash of their names alone"]
    known: dict[str, set[str]] = {}
    for member in members:
        if member.stratum:
            known.setdefault(member.patient, set()).add(member.stratum)
    notes = []
    earlier = {member.patient for member in before if not member.stratum} & known.keys()
    if earlier:
        notes.append(
            f"{counted(len(earlier), 'patient')} of the cache, whose {what} it did not know, stay on the side where "
            f"they are; those who come to it are divided by {what}"
        )
    if several := [f"{patient} ({', '.join(sorted(s))})" for patient, s in known.items() if len(s) > 1]:
        notes.append(
            f"cases of more than one {what}, whose patients count once, as most of their cases: {few(several)}"
        )
    if unknown:
        notes.append(
            f"{what} is not stated of {counted(len(unknown), 'patient')}, who are divided by the hash of their names "
            f"alone: {few(unknown)}"
        )
    return notes


def shared_out(count: int, shares: Sequence[float]) -> list[int]:
    """How many of `count` each share gets: rounded down, and what is left to the largest remainders, the last first."""
    exact = [round(count * share, 9) for share in shares]
    given = [math.floor(each) for each in exact]
    by_remainder = sorted(range(len(shares)), key=lambda n: (round(given[n] - exact[n], 9), -n))
    for place in by_remainder[: count - sum(given)]:
        given[place] += 1
    return given


def in_proportion(ordered: Iterable[str], of_patients: Mapping[str, str]) -> list[str]:
    """Patients in an order of which every beginning holds every stratum in proportion, as nearly as may be.

    Within a stratum the order is as given. One patient of each stratum comes first, of larger strata before smaller
    ones, so that as few patients as there are strata have one of each; without strata nothing changes.
    """
    groups: dict[str, list[str]] = {}
    for patient in ordered:
        groups.setdefault(of_patients.get(patient, ""), []).append(patient)
    places = {
        patient: (number > 0, (number + 0.5) / len(group), stratum)
        for stratum, group in groups.items()
        for number, patient in enumerate(group)
    }
    return sorted(places, key=places.__getitem__)
