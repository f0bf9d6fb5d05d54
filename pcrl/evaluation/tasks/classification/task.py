"""Classification of images as a task: crops, the encoder with one linear layer, AUROC per image and per study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pcrl.config import ImageRecipe
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.image_cohort import ImageCohort
from pcrl.evaluation.cohorts.images import ImageCohorts
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Metric, Subgroup
from pcrl.evaluation.tasks.classification.batches import ImageBatches
from pcrl.evaluation.tasks.classification.files import write_calibration, write_scores
from pcrl.evaluation.tasks.classification.learner import ImageLearner, logits_of
from pcrl.evaluation.tasks.classification.probe import ProbeLearner
from pcrl.evaluation.tasks.classification.subsets.parts import Part, notes_on, parts_of, together
from pcrl.evaluation.tasks.classification.subsets.subgroups import notes_on_subgroups, subgroup_scores
from pcrl.evaluation.tasks.classification.summary import (
    Scores,
    Tables,
    compare_first,
    lines_of,
    resampled,
    rows_of,
)
from pcrl.evaluation.tasks.classification.uncertain import UNCERTAIN, policies_in_words, targets
from pcrl.evaluation.tasks.supervision import Supervision
from pcrl.evaluation.tasks.task import Conditions, Predictions, Scored
from pcrl.models.classifier import Classifier, build_classifier

METRICS = (
    Metric(name="auroc", title="AUROC per image", main=True),
    Metric(name="auroc_study", title="AUROC per study"),
    Metric(name="brier", title="Brier score", better="lower"),
    Metric(name="calibration", title="Calibration error", better="lower"),
)


class ClassificationTask:
    """See `pcrl.evaluation.tasks.task.Task`.

    Args:
        uncertain: what an uncertain label of a training or validation image counts as; one of a test image does not
            count. Of all labels, or label → policy.
        scored: labels whose AUROCs count; all labels are learnt. None: all.
        subgroups: what test images are divided by for further scores; see `subgroups.VARIABLES`.
    """

    metrics = METRICS

    def __init__(
        self,
        cohorts: ImageCohorts,
        recipe: ImageRecipe,
        uncertain: str | Mapping[str, str] = "ones",
        scored: Sequence[str] | None = None,
        subgroups: Sequence[str] = (),
    ) -> None:
        self.cohorts, self.recipe, self.subgroups = cohorts, recipe, subgroups
        images = cohorts.dataset
        table, test = images.table, cohorts.first.test
        self.learnt = targets(table.labels, uncertain, table.label_names)
        self.uncertain = _of_each(uncertain, table.label_names)
        truth = targets(table.labels, "ignore", table.label_names)
        self.tables = Tables.of(table, test, truth[test], scored or table.label_names)
        self.parts = parts_of(table, test, truth[test], self.tables.scored)
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

    def notes(self) -> list[str]:
        """What the end point is of, how uncertain labels count, labels that cannot be scored, or were not learnt."""
        table, test = self.cohorts.dataset.table, self.cohorts.first.test
        counting = [policies_in_words(self.uncertain)] if (table.labels == UNCERTAIN).any() else []
        without = [note for part in self.parts for note in _without(part)]
        told = notes_on_subgroups(table, test, self.subgroups)
        return [*notes_on(self.parts), *counting, *without, *self._unlearnt(), *told]

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
        """Probabilities (test images, labels)."""
        assert isinstance(model, Classifier)
        logits = logits_of(model, self.batches, self.cohorts.of[replicate].test, device)
        return {"probabilities": 1 / (1 + np.exp(-logits))}

    def score(self, predictions: Mapping[str, Mapping[Replicate, Predictions]], out: Path) -> Scored:
        """AUROCs of images and studies, their mean over seeds; of each published test set on its own."""
        scores = {
            arm: {replicate.seed: each["probabilities"] for replicate, each in runs.items()}
            for arm, runs in predictions.items()
        }
        of_parts = [(part, {arm: part.scores(runs) for arm, runs in scores.items()}) for part in self.parts]
        write_scores(out / "probabilities.csv", scores, self.tables)
        write_calibration(out / "calibration.png", of_parts[0][1], self.parts[0].tables)
        return together(
            [_scored(own, part.tables) for part, own in of_parts], self.parts, self._by_group(of_parts)
        )

    def _by_group(
        self, of_parts: Sequence[tuple[Part, Mapping[str, Mapping[int, Scores]]]]
    ) -> list[Subgroup]:
        table, test = self.cohorts.dataset.table, self.cohorts.first.test
        return [
            one
            for part, own in of_parts
            for one in subgroup_scores(own, part, table, test[part.places], self.subgroups)
        ]

    def _unlearnt(self) -> list[str]:
        none = [
            name
            for column, name in enumerate(self.tables.names)
            if any(not (self.learnt[one.train, column] == 1).any() for one in self.cohorts.of.values())
        ]
        if not none:
            return []
        return [f"no positive among the training images, so that it cannot be learnt: {', '.join(none)}"]


def _scored(scores: Mapping[str, Mapping[int, Scores]], tables: Tables) -> Scored:
    """What one set of test images comes to: arm → seed → probabilities (n, labels)."""
    resamples = {arm: resampled(runs, tables) for arm, runs in scores.items()}
    return Scored(
        rows={arm: rows_of(runs, resamples[arm], tables) for arm, runs in scores.items()},
        cases={arm: [] for arm in scores},
        comparisons=compare_first(scores, resamples, tables),
        lines=lines_of(scores, tables),
    )


def _without(part: Part) -> list[str]:
    truth, tables, notes = part.tables.truth, part.tables, []
    among = f"test images of {part.name}" if part.suffix else "test images"
    for what, value in (("positives", 1), ("negatives", 0)):
        none = [tables.names[c] for c in tables.columns if not (truth[:, c] == value).any()]
        if none:
            notes.append(
                f"no {what} among the {among}, so that the AUROC is undefined and not part of the mean: "
                f"{', '.join(none)}"
            )
    return notes


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
