"""Candidates, nodule or not, as a task: crops round them, a classifier, AUROC, FROC, CPM and an operating point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pcrl.config import VolumeRecipe
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.volumes import Cases, VolumeCohort, VolumeCohorts
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.statistics.called import threshold_at
from pcrl.evaluation.tasks.candidates.batches import CandidateCrops
from pcrl.evaluation.tasks.candidates.candidates import Candidates, Nodules
from pcrl.evaluation.tasks.candidates.detections import detections
from pcrl.evaluation.tasks.candidates.learner import CandidateLearner, logits_of
from pcrl.evaluation.tasks.candidates.scores.operating import METRICS as OPERATING
from pcrl.evaluation.tasks.candidates.scores.operating import operating_rows
from pcrl.evaluation.tasks.candidates.scores.summary import (
    METRICS,
    CandidateScores,
    compare_first,
    lines_of,
    results_of,
    rows_of,
)
from pcrl.evaluation.tasks.candidates.scores.tables import write_probabilities, write_thresholds
from pcrl.evaluation.tasks.supervision import Rows, Supervision
from pcrl.evaluation.tasks.task import Conditions, Predictions, Scored
from pcrl.models.classifier import Classifier, build_classifier

THRESHOLD = "validation_threshold"
VALIDATION_NEGATIVES = 10
"""For each nodule among the validation candidates: the hundreds there are would make every epoch ten times as long."""


class CandidateTask:
    """See `pcrl.evaluation.tasks.task.Task`.

    Raises:
        ProtocolError: no nodule among the candidates that would be learnt from, or among those of the test scans.
    """

    metrics = (*METRICS, *OPERATING)
    predicted = frozenset({"rows", "probabilities", THRESHOLD})

    def __init__(
        self, cohorts: VolumeCohorts, candidates: Candidates, nodules: Nodules, recipe: VolumeRecipe
    ) -> None:
        self.cohorts, self.candidates, self.nodules, self.recipe = cohorts, candidates, nodules, recipe
        self.settings = recipe.candidates
        cases = cohorts.dataset.cases
        self._number = {case.name: number for number, case in enumerate(cases)}
        self.crops = CandidateCrops(cases, candidates, self.settings)
        for replicate in cohorts.replicates:
            if train := self._cohort(replicate).train:  # of another data set, everybody is tested
                self._require_nodules("training", train)
        for seed in dict.fromkeys(replicate.seed for replicate in cohorts.replicates):
            # Folds are scored together.
            of_seed = [replicate for replicate in cohorts.replicates if replicate.seed == seed]
            tested = tuple(case for replicate in of_seed for case in self._cohort(replicate).test)
            self._require_nodules("test", tested)
            if not np.isin(nodules.case, [self._number[case.name] for case in tested]).any():
                raise ProtocolError(
                    f"{cohorts.dataset.name}: annotations.csv has no nodule in the {len(tested)} test scans, so that "
                    "sensitivity is undefined: check that its seriesuid are those of the scans, and ingest again"
                )

    def _require_nodules(self, part: str, scans: Cases) -> None:
        if not self.candidates.label[self._rows(scans)].any():
            raise ProtocolError(
                f"{self.cohorts.dataset.name}: no candidate of the {len(scans)} {part} scans is a nodule; more scans "
                "are needed (--fraction, --folds), or their candidates are missing in the table"
            )

    @property
    def rebuild(self) -> dict[str, Any]:
        """What `pcrl predict` needs."""
        return {
            "kind": "candidates",
            "recipe": self.recipe.model_dump(mode="json"),
            "data": self.cohorts.dataset.record.recipe.data.model_dump(mode="json"),
        }

    def can_validate(self, replicate: Replicate) -> bool:
        """Whether a validation scan has a nodule."""
        return bool(self.candidates.label[self._rows(self._cohort(replicate).validation)].any())

    def describe(self) -> list[str]:
        """Realised numbers of candidates, of the first training."""
        cohort = self._cohort(self.cohorts.replicates[0])
        counted = []
        for part, cases in (("training", cohort.train), ("test", cohort.test)):
            rows = self._rows(cases)
            nodules = int(self.candidates.label[rows].sum())
            counted.append(f"{part} {len(rows):,} candidates, {nodules:,} of them nodules")
        return counted

    def notes_on_test(self) -> list[str]:
        """What does not fit together in the tables."""
        return [*self.candidates.notes]

    def notes_on_training(self) -> list[str]:
        """Validation scans without a nodule, and no validation scans."""
        notes = []
        without = [
            replicate
            for replicate in self.cohorts.replicates
            if self._cohort(replicate).validation and not self.can_validate(replicate)
        ]
        if without:
            notes.append(
                f"no candidate of the validation scans is a nodule ({without[0]}): every training runs to its last "
                "epoch, which is kept"
            )
        if missing := [one for one in self.cohorts.replicates if not self._cohort(one).validation]:
            notes.append(
                f"no validation scans ({missing[0]}) to choose a threshold: there is no operating point"
            )
        return notes

    def schedule(self) -> Schedule:
        """As the recipe says."""
        return Schedule.of(self.settings)

    def build(self, state: State | None) -> nn.Module:
        """The encoder, and a linear layer."""
        return build_classifier(self.recipe.model, 1, state)

    def learner(self, model: nn.Module, conditions: Conditions) -> CandidateLearner:
        """Crops of training candidates."""
        assert isinstance(model, Classifier)
        seed = conditions.replicate.seed
        cohort, rng = self._cohort(conditions.replicate), np.random.default_rng([seed, 3])
        train, validation = self._rows(cohort.train), self._rows(cohort.validation)
        label = self.candidates.label
        negatives = rng.permutation(validation[~label[validation]])
        nodules = validation[label[validation]]
        chosen = negatives[: max(1, VALIDATION_NEGATIVES * len(nodules))]
        validation = np.sort(np.concatenate([nodules, chosen])) if len(nodules) else nodules
        targets = label.astype(np.float32)
        if conditions.shuffled:
            for rows in (train, validation):
                targets[rows] = targets[rng.permutation(rows)]
        supervision = Supervision(train, validation, targets[:, None], [0])
        return CandidateLearner(model, self.crops, supervision, seed, conditions.device)

    def predict(
        self, model: nn.Module, replicate: Replicate, arm: str, device: torch.device, out: Path
    ) -> Predictions:
        """Probability of each candidate of the test scans, (n,); and the threshold, (1,), (0,) where none is chosen."""
        assert isinstance(model, Classifier)
        cohort = self._cohort(replicate)
        (rows, probabilities), (others, of_others) = (
            self._probabilities(model, cases, device) for cases in (cohort.test, cohort.validation)
        )
        scans = [self._number[case.name] for case in cohort.validation]
        chosen = threshold_at(detections(of_others, others, self.candidates, self.nodules, scans))
        threshold = np.array([] if chosen is None else [chosen], np.float64)
        return {"rows": rows, "probabilities": probabilities, THRESHOLD: threshold}

    def _probabilities(
        self, model: Classifier, cases: Cases, device: torch.device
    ) -> tuple[Rows, NDArray[np.float64]]:
        rows = self._rows(cases)
        logits = logits_of(model, self.crops, rows, device)[:, 0] if len(rows) else np.zeros(0)
        return rows, 1 / (1 + np.exp(-logits))

    def score(self, predictions: Mapping[str, Mapping[Replicate, Predictions]], out: Path) -> Scored:
        """AUROC, CPM, an operating point; the candidates of all folds of a seed together, as LUNA16 does."""
        thresholds = {
            arm: {replicate: _threshold(one) for replicate, one in runs.items()}
            for arm, runs in predictions.items()
        }
        write_thresholds(out / "thresholds.csv", thresholds)
        scores = {arm: self._of_seeds(runs, thresholds[arm]) for arm, runs in predictions.items()}
        results = {arm: results_of(runs) for arm, runs in scores.items()}
        patients = len({case.patient for cohort in self.cohorts.of.values() for case in cohort.test})
        cases = self.cohorts.dataset.cases
        write_probabilities(out / "probabilities.csv", scores, [case.name for case in cases])
        return Scored(
            rows={arm: [*rows_of(runs, results[arm]), *operating_rows(runs)] for arm, runs in scores.items()},
            cases={arm: [] for arm in scores},
            comparisons=compare_first(results, patients),
            lines=lines_of(scores),
        )

    def _of_seeds(
        self, runs: Mapping[Replicate, Predictions], thresholds: Mapping[Replicate, float | None]
    ) -> dict[int, CandidateScores]:
        scores = {}
        for seed in dict.fromkeys(replicate.seed for replicate in runs):
            folds = {replicate: one for replicate, one in runs.items() if replicate.seed == seed}
            rows, probabilities = (
                np.concatenate([one[key] for one in folds.values()]) for key in ("rows", "probabilities")
            )
            scans = [case for replicate in folds for case in self._cohort(replicate).test]
            called = [
                one["probabilities"] >= threshold
                for replicate, one in folds.items()
                if (threshold := thresholds[replicate]) is not None
            ]
            scores[seed] = CandidateScores(
                self.candidates, self.nodules, rows, probabilities,
                [self._number[case.name] for case in scans], [case.patient for case in scans],
                np.concatenate(called) if len(called) == len(folds) else None,
            )  # fmt: skip
        return scores

    def _cohort(self, replicate: Replicate) -> VolumeCohort:
        return self.cohorts.of[replicate]

    def _rows(self, cases: Cases) -> Rows:
        return self.candidates.rows_in([self._number[case.name] for case in cases])


def _threshold(one: Predictions) -> float | None:
    """What validation scans chose; none of them, or an earlier version, chose none."""
    chosen = one.get(THRESHOLD, np.zeros(0))
    return float(chosen[0]) if len(chosen) else None
