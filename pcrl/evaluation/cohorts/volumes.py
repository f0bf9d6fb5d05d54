"""The training, validation and test volumes of an evaluation: divided by patient, as the cache says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.engine.cache.volumes.records import patients_in_words
from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.engine.selection.fingerprints import fingerprints_of_cases
from pcrl.engine.splits import deal
from pcrl.engine.strata import strata_of
from pcrl.evaluation.cohorts.budget import Labelled, Validation, divide
from pcrl.evaluation.cohorts.cohorts import FEWEST_TO_CHOOSE, Design
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Side
from pcrl.evaluation.statistics.inference.estimate import FEWEST_PATIENTS
from pcrl.listing import counted, few

FOLDS = 5
"""Number of folds of a data set that has none of its own."""
Cases = tuple[CachedCase, ...]


@dataclass(frozen=True, slots=True)
class VolumeCohort:
    """The cases of one training, by side, and how the labelled patients were shared out."""

    train: Cases
    validation: Cases
    test: Cases
    labelled: Labelled


@dataclass(frozen=True, slots=True)
class VolumeCohorts:
    """The cohort of every training of an arm; see `pcrl.evaluation.cohorts.cohorts.Cohorts`.

    Args:
        empty: cases that are in none of them, as nothing is marked in their label.
    """

    dataset: CachedDataset
    of: dict[Replicate, VolumeCohort]
    how: Validation = "budget"
    empty: tuple[str, ...] = ()

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """All trainings of an arm."""
        return tuple(self.of)

    def side(self, replicate: Replicate) -> Side:
        """Names of the cases of one training."""
        cohort = self.of[replicate]
        train, validation, test = (
            tuple(case.name for case in cases) for cases in (cohort.train, cohort.validation, cohort.test)
        )
        return Side(seed=replicate.seed, fold=replicate.fold, train=train, validation=validation, test=test)

    def counts(self, replicate: Replicate) -> tuple[int, int]:
        """How many patients are trained on, and tested."""
        cohort = self.of[replicate]
        return len(_patients(cohort.train)), len(_patients(cohort.test))

    def validating(self, replicate: Replicate) -> int:
        """How many patients choose the epoch."""
        return len(_patients(self.of[replicate].validation))

    def tested(self) -> Fingerprints:
        """What gives away everything that is tested."""
        return fingerprints_of_cases(self._tested())

    def learnt_from(self) -> Fingerprints:
        """What gives away everything that is trained on, or chooses an epoch."""
        sides = [(*cohort.train, *cohort.validation) for cohort in self.of.values()]
        return fingerprints_of_cases({case.name: case for side in sides for case in side}.values())

    def owners(self) -> dict[str, str]:
        """The patient of each case."""
        return {case.name: case.patient for case in self.dataset.cases}

    def virtual(self) -> int:
        """Number of virtual test cases."""
        return sum(case.entry.virtual for case in self._tested())

    def describe(self) -> str:
        """Realised numbers of patients, real and virtual; of several trainings, of the first."""
        first = next(iter(self.of.values()))
        parts = (("training", first.train), ("validation", first.validation), ("test", first.test))
        sides = [f"{name} {patients_in_words(case.entry for case in cases)}" for name, cases in parts]
        text = "; ".join([*sides, first.labelled.describe()])
        folds = {replicate.fold for replicate in self.of if replicate.fold is not None}
        return text + (f", the first of {len(folds)} folds" if len(folds) > 1 else "")

    def notes_on_training(self) -> list[str]:
        """What a reader of the scores should know of who trains and validates."""
        fewest = min((cohort.labelled for cohort in self.of.values()), key=lambda one: len(one.validation))
        notes = fewest.notes(self.how)
        validation = len(fewest.validation)
        if 0 < validation < FEWEST_TO_CHOOSE:
            notes.append(
                f"only {counted(validation, 'validation patient')}: which epoch they choose is largely chance"
            )
        return notes

    def notes_on_test(self) -> list[str]:
        """What a reader of the scores should know of who is tested."""
        notes = []
        if absent := self.dataset.absent():
            tested = sum(entry.split == "test" for entry in absent.values())
            notes.append(
                f"{len(absent)} of {len(self.dataset.record.cases)} cases are not in the cache "
                f"({next(iter(absent))}{', …' * (len(absent) > 1)}), {tested} of them test cases: run pcrl ingest "
                "again, which names the cases that fail"
            )
        if self.empty:
            notes.append(
                f"left out: {counted(len(self.empty), 'case')} in whose label nothing is marked ({few(self.empty)}); "
                "whether nothing is there, or nobody has drawn it, a label does not say"
            )
        tested = len(_patients(self._tested()))
        if tested < FEWEST_PATIENTS:
            notes.append(
                f"only {counted(tested, 'test patient')}: too few for confidence intervals of means, or for "
                "conclusions about quality"
            )
        if virtual := self.virtual():
            notes.append(
                f"{virtual} of {len(self._tested())} test cases are virtual: the scores say nothing about real "
                "patients"
            )
        return notes

    def _tested(self) -> list[CachedCase]:
        return list({case.name: case for cohort in self.of.values() for case in cohort.test}.values())


def labelled_cases(dataset: CachedDataset, design: Design) -> VolumeCohorts:
    """The cases of a data set that have a segmentation, with a share of its labelled patients.

    A case in whose label nothing is marked is none of them: its patient is no labelled one.

    Raises:
        ProtocolError: no labels, a split without patients, or a fold that there is not.
    """
    marked, empty = marked_cases(dataset)
    return replace(_divided(dataset, marked, design), empty=tuple(empty))


def marked_cases(dataset: CachedDataset) -> tuple[list[CachedCase], list[str]]:
    """The cases in whose segmentation something is marked, and the names of those in whose it is not.

    Raises:
        ProtocolError: there are segmentations, and nothing is marked in any of them.
    """
    labelled = [case for case in dataset.cases if case.has_label]
    nothing = {0, dataset.record.ignored}
    empty = [case.name for case in labelled if nothing.issuperset(case.label_record.values)]
    if empty and len(empty) == len(labelled):
        raise ProtocolError(
            f"{dataset.name}: nothing is marked in any of its {counted(len(empty), 'label')} ({few(empty)}): check "
            "that they are the segmentations, and ingest again"
        )
    return [case for case in labelled if case.name not in empty], empty


def all_cases(dataset: CachedDataset, design: Design) -> VolumeCohorts:
    """All cases of a data set, with or without a segmentation, with a share of its labelled patients.

    Raises:
        ProtocolError: no cases, a split without patients, or a fold that there is not.
    """
    return _divided(dataset, dataset.cases, design)


def _divided(dataset: CachedDataset, cases: Sequence[CachedCase], design: Design) -> VolumeCohorts:
    if not cases:
        raise ProtocolError(
            f"{dataset.name} has no labels in the cache: add them to its source and ingest again"
        )
    strata = strata_of(case.entry for case in cases)
    cohorts: dict[Replicate, VolumeCohort] = {}
    for fold in design.folds or (None,):
        sides = _by_split(cases) if fold is None else _by_fold(cases, fold, dataset.name)
        for part in ("train", "test"):
            if not sides[part]:
                held = ", ".join(f"{len(_patients(sides[side]))} in {side}" for side in sides)
                raise ProtocolError(
                    f"{dataset.name}: no labelled patient of {len(_patients(cases))} is in the {part} split ({held}), "
                    "as its files or the hash of the patients say: add labelled patients and ingest again, or give "
                    "--folds"
                )
        for seed in range(design.seeds):
            to_train, to_validate = _patients(sides["train"]), _patients(sides["val"])
            labelled = divide(to_train, to_validate, design.fraction, seed, design.validation, strata)
            train = tuple(case for case in sides["train"] if case.patient in labelled.train)
            validation = tuple(case for case in sides["val"] if case.patient in labelled.validation)
            cohorts[Replicate(seed, fold)] = VolumeCohort(train, validation, tuple(sides["test"]), labelled)
    return VolumeCohorts(dataset, cohorts, design.validation)


def _by_split(cases: Iterable[CachedCase]) -> dict[str, list[CachedCase]]:
    sides: dict[str, list[CachedCase]] = {"train": [], "val": [], "test": []}
    for case in cases:
        sides[case.split].append(case)
    return sides


def _by_fold(cases: Sequence[CachedCase], fold: int, name: str) -> dict[str, list[CachedCase]]:
    of, count = _folds(cases)
    if not 0 <= fold < count:
        raise ProtocolError(f"{name} has folds 0 to {count - 1}, not {fold}")
    sides: dict[str, list[CachedCase]] = {"train": [], "val": [], "test": []}
    for case in cases:
        own = of[case.patient]
        sides["test" if own == fold else "val" if own == (fold - 1) % count else "train"].append(case)
    return sides


def _folds(cases: Sequence[CachedCase]) -> tuple[dict[str, int], int]:
    """Patient → fold, and their number. A patient of several scans goes whole to the first of their folds."""
    stated = [(case.patient, case.entry.fold) for case in cases if case.entry.fold is not None]
    if not stated:
        return deal(_patients(cases), FOLDS, strata=strata_of(case.entry for case in cases)), FOLDS
    of: dict[str, int] = {}
    for patient, fold in stated:
        of[patient] = min(fold, of.get(patient, fold))
    return {case.patient: of.get(case.patient, 0) for case in cases}, max(fold for _, fold in stated) + 1


def _patients(cases: Iterable[CachedCase]) -> set[str]:
    return {case.patient for case in cases}
