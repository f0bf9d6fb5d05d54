"""Which patients are for training, for choosing a model, and for the score."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Protocol

from pcrl.datasets.case import Case, Split
from pcrl.datasets.image import Radiograph
from pcrl.engine.strata import Member, in_proportion, shared_out, strata_of
from pcrl.listing import few

SEED = 0
SHARES = (0.1, 0.2)
"""Of validation and of test patients."""
_SHOWN = 8
_STRICTEST: tuple[Split, ...] = ("test", "val", "train")
_SIDES: tuple[Split, ...] = ("train", "val", "test")


class Divided(Member, Protocol):
    """A case that was given its side before."""

    @property
    def split(self) -> Split:
        """On which side it is."""


def split_of(patient: str, shares: tuple[float, float] = SHARES, seed: int = SEED) -> Split:
    """By a seeded hash of the patient's name: the same in every data set with the same shares and on every machine."""
    train, validation, _ = _all_shares(shares)
    position = _unit(f"{seed}:{patient}")
    if position < train:
        return "train"
    return "val" if position < round(train + validation, 9) else "test"


def assign(
    cases: Iterable[Case | Radiograph],
    shares: tuple[float, float] = SHARES,
    seed: int = SEED,
    before: Mapping[str, Divided] | None = None,
) -> tuple[dict[str, Split], list[str]]:
    """The split of every case, by patient.

    A data set's own split goes before the hash. Where it puts cases of one patient on two sides, all of them go to
    the stricter one (test before val before train); a case of no stated split goes with its patient's others. Where the
    hash leaves no labelled patient for the test, as with few patients it may, the one of the smallest hash is tested.

    Patients of a known stratum are not divided one by one: each side gets its share of the stratum, to the nearest
    whole patient, those of the smallest hashes train. Who was in the cache before keeps the side of then, and those who
    come to it fill up what is missing on each side.

    Args:
        before: what the cache holds of the data set, case name → how it was divided. It counts only where a stratum is
            known: the hash alone needs no memory.

    Returns:
        Case name → split, and notes on patients that had to be moved.
    """
    by_patient: dict[str, list[Case | Radiograph]] = {}
    for case in cases:
        by_patient.setdefault(case.patient, []).append(case)
    splits: dict[str, Split] = {}
    moved = []
    stratified = _stratified(by_patient, before or {}, shares, seed)
    for patient, theirs in by_patient.items():
        stated = {case.split for case in theirs if case.split is not None}
        chosen = _strictest(stated) or stratified.get(patient) or split_of(patient, shares, seed)
        if len(stated) > 1:
            moved.append(f"{patient} ({' and '.join(sorted(stated))}: all put in {chosen})")
        splits.update({case.name: chosen for case in theirs})
    notes = [f"patients listed in two splits: {few(moved, _SHOWN)}"] if moved else []
    return splits, notes + _fill(by_patient, splits, seed)


def _stratified(
    by_patient: Mapping[str, list[Case | Radiograph]],
    before: Mapping[str, Divided],
    shares: tuple[float, float],
    seed: int,
) -> dict[str, Split]:
    """Patient → side, of those whose stratum is known, and of all who were there before; none without strata."""
    volumes = [case for cases in by_patient.values() for case in cases if isinstance(case, Case)]
    here = {case.name for case in volumes}
    elsewhere = [one for name, one in before.items() if name not in here and one.patient not in by_patient]
    strata = strata_of([*volumes, *elsewhere])
    if not any(strata.values()) and not any(one.stratum for one in before.values()):
        return {}
    kept: dict[str, set[Split]] = {}
    for one in before.values():
        kept.setdefault(one.patient, set()).add(one.split)
    sides: dict[str, Split] = {}
    for patient in strata:
        cases = by_patient.get(patient, ())
        known = kept.get(patient, set()) | {before[case.name].split for case in cases if case.name in before}
        if side := _strictest({case.split for case in cases if case.split is not None} or known):
            sides[patient] = side
    for stratum in sorted(set(strata.values()) - {""}):
        everyone = [patient for patient in strata if strata[patient] == stratum]
        missing = shared_out(len(everyone), _all_shares(shares))
        for patient in everyone:
            if patient in sides:
                missing[_SIDES.index(sides[patient])] -= 1
        new = sorted((p for p in everyone if p not in sides), key=lambda p: (_unit(f"{seed}:{p}"), p))
        given = _filled(missing, len(new))
        sides.update(
            zip(new, (side for side, n in zip(_SIDES, given, strict=True) for _ in range(n)), strict=True)
        )
    return sides


def _filled(missing: list[int], count: int) -> list[int]:
    """How many of `count` new patients each side gets: one after the other to where most are missing."""
    left, given = list(missing), [0] * len(missing)
    for _ in range(count):
        side = max(range(len(left)), key=lambda n: (left[n], n))
        left[side] -= 1
        given[side] += 1
    return given


def _strictest(sides: Iterable[Split]) -> Split | None:
    present = set(sides)
    return next((split for split in _STRICTEST if split in present), None)


def _all_shares(shares: tuple[float, float]) -> tuple[float, float, float]:
    """Of training, validation and test; rounded, as 1 − 0.1 − 0.2 is 0.7000000000000001."""
    validation, test = shares
    return round(1 - validation - test, 9), validation, test


def _fill(
    by_patient: Mapping[str, list[Case | Radiograph]], splits: dict[str, Split], seed: int
) -> list[str]:
    """See to it that there is a labelled patient to test, and one to train on; a note on who was moved.

    Of ten patients the hash leaves none to test in one of nine data sets, of thirty in one of eight hundred.
    """
    labelled = {patient for patient, cases in by_patient.items() if any(_is_labelled(case) for case in cases)}
    free = sorted(
        (patient for patient in labelled if all(case.split is None for case in by_patient[patient])),
        key=lambda patient: (_unit(f"{seed}:{patient}"), patient),
    )
    notes = []
    wanted: tuple[tuple[Split, int, str], ...] = (("test", 0, "smallest"), ("train", -1, "largest"))
    for split, place, extreme in wanted:
        present = {splits[by_patient[patient][0].name] for patient in labelled}
        if split in present or len(free) < 2:
            continue
        patient = free[place]
        splits.update({case.name: split for case in by_patient[patient]})
        notes.append(
            f"of {len(labelled)} labelled patients the hash puts none in {split}: {patient}, whose hash is the "
            f"{extreme}, is put there. With more patients this may change"
        )
    return notes


def _is_labelled(case: Case | Radiograph) -> bool:
    if isinstance(case, Case):
        return case.label is not None
    return any(label is not None for label in case.labels)


def moved(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A note on cases of a data set that an ingest puts on another side than the one before; none if there are none.

    Args:
        before, now: case name → split.
    """
    names = sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
    if not names:
        return []
    note = (
        f"{len(names)} of what was in the cache before, such as {few(names)}, change their split, as their patients "
        "are others now: a network trained before may have seen what is now for the test"
    )
    return [note]


def fraction_of(patients: Iterable[str], fraction: float, seed: int) -> list[str]:
    """The first ceil(fraction · n), at least one, of a seeded permutation: smaller fractions nest in larger ones."""
    order = in_seeded_order(patients, seed)
    return order[: share_of(len(order), fraction)]


def in_seeded_order(patients: Iterable[str], seed: int, strata: Mapping[str, str] | None = None) -> list[str]:
    """A permutation of the patients in which each one's place among the others depends on no third.

    Args:
        strata: patient → stratum; of each, every beginning of the permutation holds its share: see `in_proportion`.
    """
    order = sorted(set(patients), key=lambda patient: (_unit(f"fraction:{seed}:{patient}"), patient))
    return in_proportion(order, strata) if strata else order


def share_of(count: int, fraction: float) -> int:
    """ceil(fraction · count), at least one if there are any."""
    # Rounded before the ceiling: 0.1 · 30 is 3.0000000000000004.
    return max(1, math.ceil(round(fraction * count, 9))) if count else 0


def deal(
    patients: Iterable[str], folds: int, seed: int = SEED, strata: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Patient → fold: a seeded order, dealt out in turn, so that folds differ by at most one patient.

    Args:
        strata: patient → stratum; they are dealt out one after the other, so that folds differ by at most one patient
            in each of them too.
    """
    of = strata or {}
    order = sorted(set(patients), key=lambda p: (of.get(p, ""), _unit(f"fold:{seed}:{p}"), p))
    return {patient: number % folds for number, patient in enumerate(order)}


def _unit(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
