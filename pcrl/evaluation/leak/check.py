"""The refusal to score on patients that pre-training saw."""

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
from pcrl.training.records.run_folder import RunRecord

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


def check_leak(
    run: RunRecord,
    name: str,
    tested: Fingerprints,
    cache: Cache,
    allowed: Allowed,
    comparing: Comparing = lambda _tested, _seen: None,
) -> Verdict:
    """Whether pre-training saw a patient, a scan or a copy of a scan of the test set.

    Args:
        cache: of the evaluation.
        comparing: is told when scans are looked at that are not the same, which may take minutes.

    Raises:
        ProtocolError: it did, and `allowed` does not allow it.
        RunError: what the run saw is not known any more.
    """
    seen = run.seen()
    patients = set(run.patients)
    same_patient = np.array([patient in patients for patient in tested.patients], bool)
    same_scan = _have(tested, np.unique(_keys(seen.digests)))
    if same_patient.any() or same_scan.any():
        if not allowed.transductive:
            raise ProtocolError(_seen_in_words(name, tested, same_patient, same_scan))
        return Verdict(True)
    comparing(len(tested), len(seen))
    alike = near(seen, tested, FromCache(cache, seen, tested))
    notes = _notes(name, seen, tested, alike)
    if not alike.matches:
        return Verdict(False, notes)
    pairs = few([_in_words(match) for match in alike.matches])
    if allowed.different_people:
        said = f"stated to be of different people: {pairs}, of the test set and the pre-training of {name}"
        return Verdict(False, (*notes, said))
    if allowed.transductive:
        return Verdict(True, notes)
    others = f" (different patients of that pre-training: up to {alike.others:.2f})" if alike.others else ""
    raise ProtocolError(
        f"the pre-training of {name} seems to have seen the test set under other names: {pairs}. Likeness is 1 for "
        f"copies; above {threshold(alike.others):.2f} it is taken for one here{others}. Give a run that did not see "
        "them, or --arms scratch; if you know that they are of different people, say so with --different-people; or "
        "allow it with --transductive: every table then says so"
    )


def _in_words(match: Match) -> str:
    return f"{match.tested} looks like {match.seen} ({match.likeness:.2f})"


def _seen_in_words(
    name: str, tested: Fingerprints, same_patient: NDArray[np.bool_], same_scan: NDArray[np.bool_]
) -> str:
    patients = sorted({tested.patients[row] for row in np.flatnonzero(same_patient)})
    scans = sorted(tested.names[row] for row in np.flatnonzero(same_scan))
    return (
        f"the pre-training of {name} saw the test set: patients {few(patients) or 'none'}; scans "
        f"{few(scans) or 'none'}. Give a run that did not (pcrl pretrain leaves test patients out by default; "
        "with --folds, give a run on other scans, or --arms scratch), or allow it with --transductive: every "
        "table then says so"
    )


def _notes(name: str, seen: Fingerprints, tested: Fingerprints, alike: Near) -> tuple[str, ...]:
    notes = []
    for what, scans in ((f"the pre-training of {name}", seen), ("the test set", tested)):
        if lacking := scans.without_thumbnails():
            notes.append(
                f"{counted(lacking, 'scan')} of {what} {'was' if lacking == 1 else 'were'} stored by an earlier "
                "version of pcrl: copies of them are found only if they are the same to the last bit. pcrl cache "
                "upgrade adds what it takes; runs that begin after it have it"
            )
    if alike.twins:
        pairs = few([_in_words(twin) for twin in alike.twins])
        notes.append(f"the pre-training of {name} seems to hold one scan under two patients: {pairs}")
    return tuple(notes)


def _have(scans: Fingerprints, keys: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    """Which scans have one of these digests."""
    there = np.zeros(len(scans), bool)
    there[scans.digest_of[np.isin(_keys(scans.digests), keys)]] = True
    return there


def _keys(digests: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Digests as single values, which can be sorted and looked for."""
    return np.ascontiguousarray(digests).view(f"S{DIGEST}").reshape(-1)
