"""Which patients are for training, for choosing a model, and for the score."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

from pcrl.datasets.case import Case, Split
from pcrl.datasets.image import Radiograph
from pcrl.listing import few

SEED = 0
SHARES = (0.1, 0.2)
"""Of validation and of test patients."""
_SHOWN = 8
_STRICTEST: tuple[Split, ...] = ("test", "val", "train")


def split_of(patient: str, shares: tuple[float, float] = SHARES, seed: int = SEED) -> Split:
    """By a seeded hash of the patient's name: the same in every data set with the same shares and on every machine."""
    validation, test = shares
    # Rounded: 1 − 0.1 − 0.2 is 0.7000000000000001.
    position, train = _unit(f"{seed}:{patient}"), round(1 - validation - test, 9)
    if position < train:
        return "train"
    return "val" if position < round(train + validation, 9) else "test"


def assign(
    cases: Iterable[Case | Radiograph], shares: tuple[float, float] = SHARES, seed: int = SEED
) -> tuple[dict[str, Split], list[str]]:
    """The split of every case, by patient.

    A data set's own split goes before the hash. Where it puts cases of one patient on two sides, all of them go to
    the stricter one (test before val before train); a case of no stated split goes with its patient's others. Where the
    hash leaves no labelled patient for the test, as with few patients it may, the one of the smallest hash is tested.

    Returns:
        Case name → split, and notes on patients that had to be moved.
    """
    by_patient: dict[str, list[Case | Radiograph]] = {}
    for case in cases:
        by_patient.setdefault(case.patient, []).append(case)
    splits: dict[str, Split] = {}
    moved = []
    for patient, theirs in by_patient.items():
        stated = {case.split for case in theirs if case.split is not None}
        chosen = next((split for split in _STRICTEST if split in stated), None) or split_of(
            patient, shares, seed
        )
        if len(stated) > 1:
            moved.append(f"{patient} ({' and '.join(sorted(stated))}: all put in {chosen})")
        splits.update({case.name: chosen for case in theirs})
    notes = [f"patients listed in two splits: {few(moved, _SHOWN)}"] if moved else []
    return splits, notes + _fill(by_patient, splits, seed)


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


def in_seeded_order(patients: Iterable[str], seed: int) -> list[str]:
    """A permutation of the patients in which each one's place among the others depends on no third."""
    return sorted(set(patients), key=lambda patient: (_unit(f"fraction:{seed}:{patient}"), patient))


def share_of(count: int, fraction: float) -> int:
    """ceil(fraction · count), at least one if there are any."""
    # Rounded before the ceiling: 0.1 · 30 is 3.0000000000000004.
    return max(1, math.ceil(round(fraction * count, 9))) if count else 0


def deal(patients: Iterable[str], folds: int, seed: int = SEED) -> dict[str, int]:
    """Patient → fold: a seeded order, dealt out in turn, so that folds differ by at most one patient."""
    order = sorted(set(patients), key=lambda patient: (_unit(f"fold:{seed}:{patient}"), patient))
    return {patient: number % folds for number, patient in enumerate(order)}


def _unit(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
