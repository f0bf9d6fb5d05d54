"""Who is fine-tuned on, who chooses the model, who is scored; and whether pre-training saw any of those scored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pcrl.datasets.unique import few
from pcrl.engine.cache.cache import CachedCase, CachedDataset
from pcrl.engine.cache.format import count_patients
from pcrl.engine.splits import fraction_of
from pcrl.training.run_folder import RunRecord


class ProtocolError(ValueError):
    """An evaluation that would mean nothing; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A case that is scored, by what would give away that pre-training saw it: the patient, and the pixels' digest."""

    name: str
    patient: str
    pixels: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """Labelled cases by their part in the evaluation."""

    train: tuple[CachedCase, ...]
    validation: tuple[CachedCase, ...]
    test: tuple[CachedCase, ...]
    all_training_patients: int

    def tested(self) -> list[Tested]:
        """What `check_leak` has to know of the test cases."""
        return [Tested(case.name, case.patient, case.record.pixels) for case in self.test]

    def describe(self) -> str:
        """Realised numbers of patients, real and virtual."""
        parts = (("training", self.train), ("validation", self.validation), ("test", self.test))
        counted = [f"{name} {count_patients(case.entry for case in cases)}" for name, cases in parts]
        return "; ".join(counted) + f" (of {self.all_training_patients} labelled training patients)"


def cohort(dataset: CachedDataset, fraction: float, seed: int) -> Cohort:
    """Labelled cases of a data set, with a share of its training patients.

    Args:
        fraction: share of the labelled training patients, in (0, 1]; smaller ones nest in larger ones.

    Raises:
        ProtocolError: no labels, or a split without patients.
    """
    labelled = [case for case in dataset.cases if case.has_label]
    if not labelled:
        raise ProtocolError(
            f"{dataset.name} has no labels in the cache: add them to its source and ingest again"
        )
    by_split = {split: [c for c in labelled if c.split == split] for split in ("train", "val", "test")}
    patients = {case.patient for case in by_split["train"]}
    for split in ("train", "test"):
        if not by_split[split]:
            raise ProtocolError(
                f"{dataset.name}: no labelled patient of {len({c.patient for c in labelled})} fell into {split}; "
                "more labelled patients are needed, or a split of your own (nnU-Net's splits_final.json)"
            )
    chosen = set(fraction_of(patients, fraction, seed))
    return Cohort(
        tuple(case for case in by_split["train"] if case.patient in chosen),
        tuple(by_split["val"]),
        tuple(by_split["test"]),
        len(patients),
    )


def check_leak(run: RunRecord, name: str, test: Iterable[Tested], transductive: bool) -> bool:
    """Whether pre-training saw a patient or an image of the test set.

    Raises:
        ProtocolError: it did, and `transductive` does not allow it.
    """
    cases, seen = list(test), set(run.pixels)
    patients = sorted({case.patient for case in cases} & set(run.patients))
    images = sorted(case.name for case in cases if case.pixels in seen)
    if not patients and not images:
        return False
    if not transductive:
        raise ProtocolError(
            f"{name} saw what would be tested: patients {few(patients) or 'none'}; images {few(images) or 'none'}. "
            "Pre-train again without them (the default), or state it with --transductive, which every table then says"
        )
    return True
