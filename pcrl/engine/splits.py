"""Which patients are for training, for choosing a model, and for the score."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

from pcrl.datasets.case import Case, Split

SEED = 0
TRAIN, VALIDATION = 0.7, 0.1
_STRICTEST: tuple[Split, ...] = ("test", "val", "train")


def split_of(patient: str, seed: int = SEED) -> Split:
    """70/10/20 by a seeded hash of the patient's name: the same in every data set and on every machine."""
    position = _unit(f"{seed}:{patient}")
    if position < TRAIN:
        return "train"
    return "val" if position < TRAIN + VALIDATION else "test"


def assign(cases: Iterable[Case], seed: int = SEED) -> tuple[dict[str, Split], list[str]]:
    """The split of every case, by patient.

    A data set's own split goes before the hash. Where it puts cases of one patient on two sides, all of them go to
    the stricter one (test before val before train).

    Returns:
        Case name → split, and notes about patients that had to be moved.
    """
    by_patient: dict[str, list[Case]] = {}
    for case in cases:
        by_patient.setdefault(case.patient, []).append(case)
    splits: dict[str, Split] = {}
    notes = []
    for patient, theirs in by_patient.items():
        stated = {case.split for case in theirs if case.split is not None}
        chosen = next((split for split in _STRICTEST if split in stated), None) or split_of(patient, seed)
        if len(stated) > 1:
            notes.append(
                f"patient {patient} is listed in {' and '.join(sorted(stated))}: all cases put in {chosen}"
            )
        splits.update({case.name: chosen for case in theirs})
    return splits, notes


def fraction_of(patients: Iterable[str], fraction: float, seed: int) -> list[str]:
    """The first ceil(fraction · n), at least one, of a seeded permutation: smaller fractions nest in larger ones."""
    order = sorted(set(patients), key=lambda patient: (_unit(f"fraction:{seed}:{patient}"), patient))
    # Rounded before the ceiling: 0.1 · 30 is 3.0000000000000004.
    count = max(1, math.ceil(round(fraction * len(order), 9))) if order else 0
    return order[:count]


def _unit(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
