"""Candidates, nodule or not, as a task: crops round them, a classifier, AUROC, FROC and CPM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pcrl.config import VolumeRecipe
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.leak import Tested
from pcrl.evaluation.cohorts.volumes import Cases, Cohort, Cohorts
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Place
from pcrl.evaluation.records.results import Side
from pcrl.evaluation.tasks.candidates.batches import CandidateCrops, Rows
from pcrl.evaluation.tasks.candidates.candidates import Candidates, Nodules
from pcrl.evaluation.tasks.candidates.learner import CandidateLearner, answers
from pcrl.evaluation.tasks.candidates.summary import (
    METRICS,
    Found,
    compare_first,
    lines_of,
    resampled,
    rows_of,
)
from pcrl.evaluation.tasks.candidates.table import write_probabilities
from pcrl.evaluation.tasks.classification.learner import Lesson
from pcrl.evaluation.tasks.task import Answers, Scored
from pcrl.models.classifier import Classifier, build_classifier

VALIDATION_NEGATIVES = 10
"""For each nodule among the validation candidates: the hundreds there are would make every epoch ten times as long."""


class CandidateTask:
    """See `pcrl.evaluation.tasks.task.Task`.

    Raises:
        ProtocolError: no nodule among the candidates that would be learnt from, or among those of the test scans.
    """

    metrics = METRICS

    def __init__(
        self, name: str, cohorts: Cohorts, candidates: Candidates, nodules: Nodules, recipe: VolumeRecipe
    ) -> None:
        self.name, self.dataset = name, cohorts.dataset.name
        self.cohorts, self.candidates, self.nodules, self.recipe = cohorts, candidates, nodules, recipe
        self.places, self.settings = cohorts.places, recipe.candidates
        cases = cohorts.dataset.cases
        self._number = {case.name: number for number, case in enumerate(cases)}
        self.crops = CandidateCrops(cases, candidates, self.settings.batch_size, self.settings.crop)
        for place in self.places:
            self._require_nodules("training", self._cohort(place).train)
        for seed in dict.fromkeys(place.seed for place in self.places):
            # Folds are scored together.
            places = [place for place in self.places if place.seed == seed]
            tested = tuple(case for place in places for case in self._cohort(place).test)
            self._require_nodules("test", tested)
            if not np.isin(nodules.case, [self._number[case.name] for case in tested]).any():
                raise ProtocolError(
                    f"{self.dataset}: annotations.csv has no nodule in the {len(tested)} test scans, so that nothing "
                    "could be found: check that its seriesuid are those of the scans, and ingest again"
                )

    def _require_nodules(self, part: str, scans: Cases) -> None:
        if not self.candidates.label[self._rows(scans)].any():
            raise ProtocolError(
                f"{self.dataset}: no candidate of the {len(scans)} {part} scans is a nodule; more scans are "
                "needed (--fraction, --folds), or their candidates are missing in the table"
            )

    @property
    def virtual(self) -> int:
        """Test scans that are generated."""
        return self.cohorts.virtual()

    @property
    def rebuild(self) -> dict[str, Any]:
        """What `pcrl predict` needs."""
        return {
            "kind": "candidates",
            "recipe": self.recipe.model_dump(mode="json"),
            "data": self.cohorts.dataset.record.recipe.data.model_dump(mode="json"),
        }

    def side(self, place: Place) -> Side:
        """Names of the scans."""
        return self.cohorts.side(place)

    def chooses(self, place: Place) -> bool:
        """Whether a validation scan has a nodule."""
        return bool(self.candidates.label[self._rows(self._cohort(place).validation)].any())

    def patients(self, place: Place) -> tuple[int, int]:
        """How many are trained on, and tested."""
        return self._cohort(place).counts()

    def tested(self) -> list[Tested]:
        """All that are tested."""
        return self.cohorts.tested()

    def owners(self) -> Mapping[str, str]:
        """Whose each case is."""
        return self.cohorts.owners()

    def describe(self) -> str:
        """Realised numbers of patients, and of candidates."""
        cohort = self._cohort(self.places[0])
        counted = []
        for part, cases in (("training", cohort.train), ("test", cohort.test)):
            rows = self._rows(cases)
            nodules = int(self.candidates.label[rows].sum())
            counted.append(f"{part} {len(rows):,} candidates, {nodules:,} of them nodules")
        return f"{self.cohorts.describe()}; {'; '.join(counted)}"

    def notes(self) -> list[str]:
        """What a reader should know."""
        notes = [*self.cohorts.notes(), *self.candidates.notes]
        without = [
            place for place in self.places if self._cohort(place).validation and not self.chooses(place)
        ]
        if without:
            notes.append(
                f"no candidate of the validation scans is a nodule ({without[0]}): the last epoch is kept, and nothing "
                "ends a training early"
            )
        return notes

    def schedule(self) -> Schedule:
        """As the recipe says."""
        s = self.settings
        return Schedule(s.epochs, s.learning_rate, s.halve_every, s.patience, encoder_rate=s.encoder_rate)

    def build(self, state: State | None) -> nn.Module:
        """The encoder, and a linear layer."""
        return build_classifier(self.recipe.model, 1, state)

    def learner(
        self, model: nn.Module, place: Place, shuffled: bool, frozen: bool, device: torch.device
    ) -> CandidateLearner:
        """Crops of training candidates."""
        assert isinstance(model, Classifier)
        cohort, rng = self._cohort(place), np.random.default_rng([place.seed, 3])
        train, validation = self._rows(cohort.train), self._rows(cohort.validation)
        label = self.candidates.label
        negatives = rng.permutation(validation[~label[validation]])
        nodules = validation[label[validation]]
        chosen = negatives[: max(1, VALIDATION_NEGATIVES * len(nodules))]
        validation = np.sort(np.concatenate([nodules, chosen])) if len(nodules) else nodules
        targets = label.astype(np.float32)
        if shuffled:
            for rows in (train, validation):
                targets[rows] = targets[rng.permutation(rows)]
        return CandidateLearner(
            model, self.crops, Lesson(train, validation, targets[:, None], [0]), place.seed, device
        )

    def answer(self, model: nn.Module, place: Place, arm: str, device: torch.device, out: Path) -> Answers:
        """Probability of each candidate of the test scans, (n,)."""
        assert isinstance(model, Classifier)
        rows = self._rows(self._cohort(place).test)
        logits = answers(model, self.crops, rows, device)[:, 0]
        return {"rows": rows, "probabilities": 1 / (1 + np.exp(-logits))}

    def score(self, answers: Mapping[str, Mapping[Place, Answers]], out: Path) -> Scored:
        """AUROC, sensitivities and CPM; the candidates of all folds of a seed together, as LUNA16 does."""
        found = {arm: self._of_seeds(runs) for arm, runs in answers.items()}
        again = {arm: resampled(runs) for arm, runs in found.items()}
        cases = self.cohorts.dataset.cases
        write_probabilities(out / "probabilities.csv", found, [case.name for case in cases])
        return Scored(
            rows={arm: rows_of(runs, again[arm]) for arm, runs in found.items()},
            cases={arm: [] for arm in found},
            comparisons=compare_first(found, again),
            lines=lines_of(found),
        )

    def _of_seeds(self, runs: Mapping[Place, Answers]) -> dict[int, Found]:
        found = {}
        for seed in dict.fromkeys(place.seed for place in runs):
            mine = {place: one for place, one in runs.items() if place.seed == seed}
            rows, probabilities = (
                np.concatenate([one[key] for one in mine.values()]) for key in ("rows", "probabilities")
            )
            scans = [case for place in mine for case in self._cohort(place).test]
            found[seed] = Found(
                self.candidates, self.nodules, rows, probabilities,
                [self._number[case.name] for case in scans], [case.patient for case in scans],
            )  # fmt: skip
        return found

    def _cohort(self, place: Place) -> Cohort:
        return self.cohorts.of[place]

    def _rows(self, cases: Cases) -> Rows:
        return self.candidates.rows_in([self._number[case.name] for case in cases])
