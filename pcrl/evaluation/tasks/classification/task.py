"""Classification of images as a task: crops, the encoder with one linear layer, AUROC per image and per study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

from pcrl.config import ImageRecipe
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.image_cohort import ImageCohort
from pcrl.evaluation.cohorts.images import ImageCohorts
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Metric, Subgroup
from pcrl.evaluation.tasks.classification.batches import ImageBatches
from pcrl.evaluation.tasks.classification.details.metrics import METRICS as DETAILS
from pcrl.evaluation.tasks.classification.details.operating import thresholds_of
from pcrl.evaluation.tasks.classification.files import write_calibration, write_scores, write_thresholds
from pcrl.evaluation.tasks.classification.learner import ImageLearner, logits_of
from pcrl.evaluation.tasks.classification.probe import ProbeLearner
from pcrl.evaluation.tasks.classification.subsets.labels import unlearnt, unscored, without_threshold
from pcrl.evaluation.tasks.classification.subsets.parts import Part, notes_on, parts_of, scored_of, together
from pcrl.evaluation.tasks.classification.subsets.subgroups import notes_on_subgroups, subgroup_scores
from pcrl.evaluation.tasks.classification.summary import Scores, Tables
from pcrl.evaluation.tasks.classification.uncertain import UNCERTAIN, policies_in_words, targets
from pcrl.evaluation.tasks.supervision import Supervision
from pcrl.evaluation.tasks.task import Conditions, Predictions, Scored
from pcrl.models.classifier import Classifier, build_classifier

METRICS = (
    Metric(
        name="auroc", title="AUROC per image", main=True, within=(0, 1),
        definition="The chance that a positive scores higher than a negative. Undefined without either; the mean is of "
        "the labels that are defined.",
    ),
    Metric(
        name="auroc_study", title="AUROC per study", within=(0, 1),
        definition="The same of studies: of their views, the mean probability.",
    ),
    *DETAILS,
)  # fmt: skip


class ClassificationTask:
    """See `pcrl.evaluation.tasks.task.Task`.

    Args:
        uncertain: what an uncertain label of a training or validation image counts as; one of a test image does not
            count. Of all labels, or label → policy.
        scored: labels whose AUROCs count; all labels are learnt. None: all.
        subgroups: what test images are divided by for further scores; see `subgroups.VARIABLES`.
        trained: the task on whose validation images thresholds are chosen, where that is another data set.
    """

    metrics = METRICS
    predicted = frozenset({"probabilities", "validation"})

    def __init__(
        self,
        cohorts: ImageCohorts,
        recipe: ImageRecipe,
        uncertain: str | Mapping[str, str] = "ones",
        scored: Sequence[str] | None = None,
        subgroups: Sequence[str] = (),
        trained: ClassificationTask | None = None,
    ) -> None:
        self.cohorts, self.recipe, self.subgroups = cohorts, recipe, subgroups
        images = cohorts.dataset
        table, test = images.table, cohorts.first.test
        self.learnt = targets(table.labels, uncertain, table.label_names)
        self.uncertain = _of_each(uncertain, table.label_names)
        truth = targets(table.labels, "ignore", table.label_names)
        self.truth = truth
        self.tables = Tables.of(table, test, truth[test], scored or table.label_names)
        self.parts = parts_of(table, test, truth[test], self.tables.scored, images.record.label_names)
        self.trained = trained or self
        self.batches = ImageBatches(images, recipe, recipe.training.loader_threads)

    @property
    def rebuild(self) -> dict[str, Any]:
        """What `pcrl predict` needs."""
        return {
            "kind": "classification",
            "labels": list(self.tables.names),
            "recipe": self.recipe.model_dump(mode="json"),
            "data": self.cohorts.dataset.record.recipe.data.model_dump(mode="json"),
        }

    def can_validate(self, replicate: Replicate) -> bool:
        """Whether there are validation images."""
        return bool(len(self.cohorts.of[replicate].validation))

    def describe(self) -> list[str]:
        """Nothing but the images, which the cohorts describe."""
        return []

    def notes_on_training(self) -> list[str]:
        """How uncertain labels count, labels that were not learnt, or for which no threshold can be chosen."""
        training, validation = (
            [getattr(one, side) for one in self.cohorts.of.values()] for side in ("train", "validation")
        )
        uncertain = (self.cohorts.dataset.table.labels == UNCERTAIN).any()
        return [
            *([policies_in_words(self.uncertain)] if uncertain else []),
            *unlearnt([self.learnt[rows] for rows in training], self.tables),
            *without_threshold([self.truth[rows] for rows in validation], self.tables),
        ]

    def notes_on_test(self) -> list[str]:
        """What the end point is of, and labels that cannot be scored."""
        table, test = self.cohorts.dataset.table, self.cohorts.first.test
        return [
            *notes_on(self.parts),
            *(note for part in self.parts for note in unscored(part)),
            *notes_on_subgroups(table, test, self.subgroups),
        ]

    def schedule(self) -> Schedule:
        """As the recipe says."""
        return Schedule.of(self.recipe.finetuning)

    def build(self, state: State | None) -> nn.Module:
        """The encoder, and a linear layer."""
        return build_classifier(self.recipe.model, len(self.tables.names), state)

    def learner(self, model: nn.Module, conditions: Conditions) -> ImageLearner | ProbeLearner:
        """Of the whole network; or, where the encoder is frozen, of the linear layer on features computed once."""
        assert isinstance(model, Classifier)
        seed, device = conditions.replicate.seed, conditions.device
        cohort = self.cohorts.of[conditions.replicate]
        learnt = _shuffled(self.learnt, cohort, seed) if conditions.shuffled else self.learnt
        supervision = Supervision(cohort.train, cohort.validation, learnt, self.tables.columns)
        if conditions.frozen:
            size = self.recipe.finetuning.batch_size
            return ProbeLearner(model, self.batches, supervision, size, seed, device)
        return ImageLearner(model, self.batches, supervision, seed, device)

    def predict(
        self, model: nn.Module, replicate: Replicate, arm: str, device: torch.device, out: Path
    ) -> Predictions:
        """Probabilities of test and of validation images, (images, labels) each."""
        assert isinstance(model, Classifier)
        cohort = self.cohorts.of[replicate]
        sides = {"probabilities": cohort.test, "validation": cohort.validation}
        return {
            name: expit(logits_of(model, self.batches, rows, device))
            if len(rows)
            else np.zeros((0, len(self.tables.names)))
            for name, rows in sides.items()
        }

    def score(self, predictions: Mapping[str, Mapping[Replicate, Predictions]], out: Path) -> Scored:
        """AUROCs and all else of images and studies, means over seeds; of each published test set on its own."""
        scores = {
            arm: {replicate.seed: each["probabilities"] for replicate, each in runs.items()}
            for arm, runs in predictions.items()
        }
        thresholds = {arm: self._thresholds(runs) for arm, runs in predictions.items()}
        of_parts = [(part, {arm: part.scores(runs) for arm, runs in scores.items()}) for part in self.parts]
        write_scores(out / "probabilities.csv", scores, self.tables)
        write_calibration(out / "calibration.png", of_parts[0][1], self.parts[0].tables)
        write_thresholds(out / "thresholds.csv", thresholds, self.tables)
        return together(
            [scored_of(part, own, thresholds) for part, own in of_parts], self.parts, self._by_group(of_parts)
        )

    def validation_truth(self, replicate: Replicate) -> NDArray[np.float32]:
        """Of the validation images of a training, (n, labels): 1, 0, or NaN where one does not count."""
        truth: NDArray[np.float32] = self.truth[self.cohorts.of[replicate].validation]
        return truth

    def _thresholds(self, runs: Mapping[Replicate, Predictions]) -> dict[int, NDArray[np.float64]]:
        validation = {
            replicate.seed: (each["validation"], self.trained.validation_truth(replicate))
            for replicate, each in runs.items()
        }
        return thresholds_of(validation, self.tables)

    def _by_group(
        self, of_parts: Sequence[tuple[Part, Mapping[str, Mapping[int, Scores]]]]
    ) -> list[Subgroup]:
        table, test = self.cohorts.dataset.table, self.cohorts.first.test
        return [
            one
            for part, own in of_parts
            for one in subgroup_scores(own, part, table, test[part.places], self.subgroups)
        ]


def _of_each(uncertain: str | Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The policy of each label, as `targets` takes it."""
    if isinstance(uncertain, str):
        return dict.fromkeys(names, uncertain)
    return {name: uncertain.get(name, "ignore") for name in names}


def _shuffled(learnt: NDArray[np.float32], cohort: ImageCohort, seed: int) -> NDArray[np.float32]:
    """All labels of an image together go to another one of the same part, so that no true label chooses the epoch."""
    mixed, rng = learnt.copy(), np.random.default_rng([seed, 2])
    for rows in (cohort.train, cohort.validation):
        mixed[rows] = learnt[rng.permutation(rows)]
    return mixed
