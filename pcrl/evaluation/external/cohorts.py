"""Who was trained on in one data set, and who is tested in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.evaluation.cohorts.cohorts import Cohorts
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Side
from pcrl.listing import counted


@dataclass(frozen=True, slots=True)
class ExternalCohorts:
    """See `pcrl.evaluation.cohorts.cohorts.Cohorts`.

    Args:
        trained, tested: of the evaluation, and of the other data set.
        names: of the two data sets.
        unit: what is tested, `case` or `image`.
        training_of: replicate here → that of the evaluation: with folds, every training is a replicate of its own,
            as all of them test the same patients.
    """

    trained: Cohorts
    tested_cohorts: Cohorts
    names: tuple[str, str]
    unit: str
    training_of: Mapping[Replicate, Replicate]

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """All trainings of an arm."""
        return tuple(self.training_of)

    def side(self, replicate: Replicate) -> Side:
        """Names of those that are tested; the evaluation has the names of the others."""
        side = self.tested_cohorts.side(replicate)
        return side.model_copy(update={"train": (), "validation": ()})

    def counts(self, replicate: Replicate) -> tuple[int, int]:
        """How many patients are trained on, and tested."""
        return self.trained.counts(self.training_of[replicate])[0], self.tested_cohorts.counts(replicate)[1]

    def validating(self, replicate: Replicate) -> int:
        """How many patients choose the epoch."""
        return self.trained.validating(self.training_of[replicate])

    def tested(self) -> Fingerprints:
        """What gives away everything that is tested."""
        return self.tested_cohorts.tested()

    def learnt_from(self) -> Fingerprints:
        """What gives away everything that is trained on, or chooses an epoch."""
        return self.trained.learnt_from()

    def owners(self) -> Mapping[str, str]:
        """The patient of each case, or of each image, that is tested."""
        return self.tested_cohorts.owners()

    def virtual(self) -> int:
        """How many of those that are tested are generated, and of no patient."""
        return self.tested_cohorts.virtual()

    def describe(self) -> str:
        """Realised numbers of patients, in words; of several trainings, of the first."""
        first = self.replicates[0]
        trained, tested = self.counts(first)
        scans = len(self.side(first).test)
        ours, theirs = self.names
        return (
            f"test {counted(tested, 'patient')} with {counted(scans, self.unit)} of {theirs}; training "
            f"{counted(trained, 'patient')} and validation {counted(self.validating(first), 'patient')} of {ours}"
        )

    def notes_on_training(self) -> list[str]:
        """None: the evaluation has them."""
        return []

    def notes_on_test(self) -> list[str]:
        """What a reader of the scores should know of who is tested, and who is not."""
        return self.tested_cohorts.notes_on_test()
