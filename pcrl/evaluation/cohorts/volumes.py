"""Which volumes are trained on, which choose the epoch, which are scored: by patient, as the cache says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.engine.cache.volumes.records import count_patients
from pcrl.engine.splits import deal, fraction_of
from pcrl.evaluation.cohorts.leak import Tested
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Place
from pcrl.evaluation.records.results import Side
from pcrl.evaluation.statistics.bootstrap import FEWEST_PATIENTS

FOLDS = 5
"""Of a data set that has none of its own."""
Cases = tuple[CachedCase, ...]


@dataclass(frozen=True, slots=True)
class Cohort:
    """Cases by their part in one training."""

    train: Cases
    validation: Cases
    test: Cases
    all_training_patients: int

    def counts(self) -> tuple[int, int]:
        """How many patients are trained on, and tested."""
        return len(_patients(self.train)), len(_patients(self.test))


@dataclass(frozen=True, slots=True)
class Cohorts:
    """The cohort of every training of an arm."""

    dataset: CachedDataset
    of: dict[Place, Cohort]

    @property
    def places(self) -> tuple[Place, ...]:
        """All trainings of an arm."""
        return tuple(self.of)

    def side(self, place: Place) -> Side:
        """Names of the cases of one training."""
        cohort = self.of[place]
        train, validation, test = (
            tuple(case.name for case in cases) for cases in (cohort.train, cohort.validation, cohort.test)
        )
        return Side(seed=place.seed, fold=place.fold, train=train, validation=validation, test=test)

    def tested(self) -> list[Tested]:
        """What `check_leak` has to know of everything that is tested."""
        cases = self._tested()
        return [Tested(case.name, case.patient, case.record.pixels) for case in cases]

    def owners(self) -> dict[str, str]:
        """Whose each case is."""
        return {case.name: case.patient for case in self.dataset.cases}

    def virtual(self) -> int:
        """Test cases that are generated."""
        return sum(case.entry.virtual for case in self._tested())

    def describe(self) -> str:
        """Realised numbers of patients, real and virtual; of several trainings, of the first."""
        first = next(iter(self.of.values()))
        parts = (("training", first.train), ("validation", first.validation), ("test", first.test))
        counted = [f"{name} {count_patients(case.entry for case in cases)}" for name, cases in parts]
        text = "; ".join(counted) + f" (of {first.all_training_patients} labelled training patients)"
        folds = {place.fold for place in self.of if place.fold is not None}
        return text + (f", the first of {len(folds)} folds" if len(folds) > 1 else "")

    def notes(self) -> list[str]:
        """What a reader of the scores should know of this choice."""
        notes = []
        if absent := self.dataset.absent():
            tested = sum(entry.split == "test" for entry in absent.values())
            notes.append(
                f"{len(absent)} of {len(self.dataset.record.cases)} cases are not in the cache ({next(iter(absent))}"
                f"{', …' * (len(absent) > 1)}), {tested} of them test cases: pcrl ingest goes on, and names what fails"
            )
        choosing = min(len(_patients(cohort.validation)) for cohort in self.of.values())
        if not choosing:
            notes.append("no validation patient: the last epoch is kept, and nothing ends a training early")
        elif choosing < FEWEST_PATIENTS:
            who = f"{choosing} validation patient{'s' * (choosing != 1)}"
            notes.append(f"{who} to choose the epoch by: much of that is chance")
        tested = len(_patients(self._tested()))
        if tested < FEWEST_PATIENTS:
            notes.append(
                f"{tested} test patient{'s' * (tested != 1)}: too few for intervals; says nothing about quality"
            )
        if made := self.virtual():
            notes.append(
                f"{made} of {len(self._tested())} test cases are virtual: says nothing about quality"
            )
        return notes

    def _tested(self) -> list[CachedCase]:
        return list({case.name: case for cohort in self.of.values() for case in cohort.test}.values())


def cohorts(
    dataset: CachedDataset,
    fraction: float,
    seeds: int,
    folds: Sequence[int] = (),
    wanted: Callable[[CachedCase], bool] = lambda case: case.has_label,
) -> Cohorts:
    """The cases of a data set, with a share of its training patients.

    Args:
        fraction: share of the labelled training patients, in (0, 1]; smaller ones nest in larger ones.
        folds: each in turn is tested, the one before it validates, all others train; none: the data's own split.
        wanted: which cases take part; those with a segmentation, by default.

    Raises:
        ProtocolError: no labels, a split without patients, or a fold that there is not.
    """
    cases = [case for case in dataset.cases if wanted(case)]
    if not cases:
        raise ProtocolError(
            f"{dataset.name} has no labels in the cache: add them to its source and ingest again"
        )
    found: dict[Place, Cohort] = {}
    for fold in folds or (None,):
        sides = _by_split(cases) if fold is None else _by_fold(cases, fold, dataset.name)
        patients = _patients(sides["train"])
        for part in ("train", "test"):
            if not sides[part]:
                raise ProtocolError(
                    f"{dataset.name}: no labelled patient of {len(_patients(cases))} fell into {part}; more labelled "
                    "patients are needed, or a split of your own (nnU-Net's splits_final.json), or --folds"
                )
        for seed in range(seeds):
            chosen = set(fraction_of(patients, fraction, seed))
            train = tuple(case for case in sides["train"] if case.patient in chosen)
            found[Place(seed, fold)] = Cohort(train, tuple(sides["val"]), tuple(sides["test"]), len(patients))
    return Cohorts(dataset, found)


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
        mine = of[case.patient]
        sides["test" if mine == fold else "val" if mine == (fold - 1) % count else "train"].append(case)
    return sides


def _folds(cases: Sequence[CachedCase]) -> tuple[dict[str, int], int]:
    """Patient → fold, and their number. A patient of several scans goes whole to the first of their folds."""
    stated = [(case.patient, case.entry.fold) for case in cases if case.entry.fold is not None]
    if not stated:
        return deal(_patients(cases), FOLDS), FOLDS
    of: dict[str, int] = {}
    for patient, fold in stated:
        of[patient] = min(fold, of.get(patient, fold))
    return {case.patient: of.get(case.patient, 0) for case in cases}, max(fold for _, fold in stated) + 1


def _patients(cases: Iterable[CachedCase]) -> set[str]:
    return {case.patient for case in cases}
