"""The refusal to score on patients whom a network has seen before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.cache import Cache
from pcrl.engine.fingerprints.fingerprints import DIGEST, Fingerprints
from pcrl.evaluation.leak.closer import FromCache
from pcrl.evaluation.leak.near import Match, Near, near, threshold
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.listing import counted, few

Comparing = Callable[[int, int], None]
"""Is told how many tested scans are compared with how many that were seen."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the user answers for.

    Args:
        transductive: pre-training may have seen the test set; every table then says so.
        different_people: scans that look alike, but are not the same, are of different people.
    """

    transductive: bool = False
    different_people: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether pre-training saw a test patient, and what a reader must know about how that was found out."""

    saw: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a network has seen before.

    Args:
        whose: such as `the pre-training of runs/first`.
        patients: names of all of them; those of `scans` may be fewer.
        instead: what else can be done, as a sentence without its stop.
        excusable: `--transductive` may allow it.
    """

    whose: str
    scans: Fingerprints
    patients: frozenset[str]
    instead: str
    excusable: bool = True

    def or_allow(self) -> str:
        """How it may be allowed, if it may."""
        return ", or allow it with --transductive: every table then says so" * self.excusable


def check_leak(
    seen: Seen,
    tested: Fingerprints,
    cache: Cache,
    allowed: Allowed,
    comparing: Comparing = lambda _tested, _seen: None,
) -> Verdict:
    """Whether a network saw a patient, a scan or a copy of a scan of the test set.

    Args:
        cache: of the evaluation.
        comparing: is told when scans are looked at that are not the same, which may take minutes.

    Raises:
        ProtocolError: it did, and `allowed` does not allow it.
    """
    transductive = allowed.transductive and seen.excusable
    same_patient = np.array([patient in seen.patients for patient in tested.patients], bool)
    same_scan = _have(tested, np.unique(_keys(seen.scans.digests)))
    if same_patient.any() or same_scan.any():
        if not transductive:
            raise ProtocolError(_seen_in_words(seen, tested, same_patient, same_scan))
        return Verdict(True)
    comparing(len(tested), len(seen.scans))
    alike = near(seen.scans, tested, FromCache(cache, seen.scans, tested))
    notes = _notes(seen, tested, alike)
    if not alike.matches:
        return Verdict(False, notes)
    pairs = few([_in_words(match) for match in alike.matches])
    if allowed.different_people:
        said = f"stated to be of different people: {pairs}, of the test set and {seen.whose}"
        return Verdict(False, (*notes, said))
    if transductive:
        return Verdict(True, notes)
    others = f" (different patients of {seen.whose}: up to {alike.others:.2f})" if alike.others else ""
    raise ProtocolError(
        f"{seen.whose} seems to have seen the test set under other names: {pairs}. Likeness is 1 for copies; above "
        f"{threshold(alike.others):.2f} it is taken for one here{others}. {seen.instead}; if you know that they are "
        f"of different people, say so with --different-people{seen.or_allow()}"
    )


def _in_words(match: Match) -> str:
    return f"{match.tested} looks like {match.seen} ({match.likeness:.2f})"


def _seen_in_words(
    seen: Seen, tested: Fingerprints, same_patient: NDArray[np.bool_], same_scan: NDArray[np.bool_]
) -> str:
    patients = sorted({tested.patients[row] for row in np.flatnonzero(same_patient)})
    scans = sorted(tested.names[row] for row in np.flatnonzero(same_scan))
    return (
        f"{seen.whose} saw the test set: patients {few(patients) or 'none'}; scans {few(scans) or 'none'}. "
        f"{seen.instead}{seen.or_allow()}"
    )


def _notes(seen: Seen, tested: Fingerprints, alike: Near) -> tuple[str, ...]:
    notes = []
    for what, scans in ((seen.whose, seen.scans), ("the test set", tested)):
        if lacking := scans.without_thumbnails():
            notes.append(
                f"{counted(lacking, 'scan')} of {what} {'was' if lacking == 1 else 'were'} stored by an earlier "
                "version of pcrl: copies of them are found only if they are the same to the last bit. pcrl cache "
                "upgrade adds what it takes; runs that begin after it have it"
            )
    if alike.twins:
        pairs = few([_in_words(twin) for twin in alike.twins])
        notes.append(f"{seen.whose} seems to hold one scan under two patients: {pairs}")
    return tuple(notes)


def _have(scans: Fingerprints, keys: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    """Which scans have one of these digests."""
    there = np.zeros(len(scans), bool)
    there[scans.digest_of[np.isin(_keys(scans.digests), keys)]] = True
    return there


def _keys(digests: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Digests as single values, which can be sorted and looked for."""
    return np.ascontiguousarray(digests).view(f"S{DIGEST}").reshape(-1)
