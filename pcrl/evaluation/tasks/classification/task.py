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
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.images import ImageCohort, ViewChoice, image_cohort
from pcrl.evaluation.cohorts.leak import Tested
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.replicate import Place
from pcrl.evaluation.records.results import Metric, Side
from pcrl.evaluation.tasks.classification.batches import ImageBatches
from pcrl.evaluation.tasks.classification.files import write_figures, write_scores
from pcrl.evaluation.tasks.classification.learner import ClassifierLearner, Lesson, predict
from pcrl.evaluation.tasks.classification.probe import ProbeLearner
from pcrl.evaluation.tasks.classification.summary import Tables, compare_first, lines_of, resampled, rows_of
from pcrl.evaluation.tasks.classification.uncertain import Policy, targets
from pcrl.evaluation.tasks.task import Answers, Scored
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
        scored: labels whose AUROCs count; all labels are learnt. None: all.
        uncertain: what an uncertain label of a training or validation image counts as; one of a test image does not
            count.
    """

    metrics = METRICS

    def __init__(
        self,
        name: str,
        images: CachedImages,
        recipe: ImageRecipe,
        fraction: float,
        seeds: int,
        views: ViewChoice = "frontal",
        uncertain: Policy | Mapping[str, Policy] = "ones",
        scored: Sequence[str] | None = None,
    ) -> None:
        self.name, self.dataset, self.images, self.recipe = name, images.name, images, recipe
        self.cohorts = {Place(seed): image_cohort(images, fraction, seed, views) for seed in range(seeds)}
        self.places = tuple(self.cohorts)
        self.first = self.cohorts[self.places[0]]
        table = images.table
        self.learnt = targets(table.labels, uncertain, table.label_names)
        truth = targets(table.labels, "ignore", table.label_names)
        test = self.first.test
        self.tables = Tables.of(table, test, truth[test], scored or table.label_names)
        self.batches = ImageBatches(images, recipe, recipe.training.loader_threads)

    @property
    def virtual(self) -> int:
        """Test images that are of no patient."""
        return int(self.images.table.virtual[self.first.test].sum())

    @property
    def rebuild(self) -> dict[str, Any]:
        """What `pcrl predict` needs."""
        return {
            "kind": "classification",
            "labels": list(self.tables.names),
            "recipe": self.recipe.model_dump(mode="json"),
            "data": self.images.record.recipe.data.model_dump(mode="json"),
        }

    def side(self, place: Place) -> Side:
        """Names of the images."""
        cohort = self.cohorts[place]

        def names(rows: NDArray[np.int64]) -> tuple[str, ...]:
            return tuple(cohort.table.names[row] for row in rows)

        return Side(
            seed=place.seed,
            fold=None,
            train=names(cohort.train),
            validation=names(cohort.validation),
            test=names(cohort.test),
        )

    def chooses(self, place: Place) -> bool:
        """Whether there are validation images."""
        return bool(len(self.cohorts[place].validation))

    def patients(self, place: Place) -> tuple[int, int]:
        """How many are trained on, and tested."""
        cohort: ImageCohort = self.cohorts[place]
        return len(set(cohort.patients(cohort.train))), len(set(cohort.patients(cohort.test)))

    def tested(self) -> list[Tested]:
        """All that are tested: the same for every seed."""
        return self.first.tested()

    def owners(self) -> Mapping[str, str]:
        """Whose each image is."""
        return dict(zip(self.images.table.names, self.images.table.patients, strict=True))

    def describe(self) -> str:
        """Realised numbers of patients and images."""
        return self.first.describe()

    def notes(self) -> list[str]:
        """What a reader should know."""
        return [*self.first.notes(), *self._without(), *self._unlearnt()]

    def schedule(self) -> Schedule:
        """As the recipe says."""
        s = self.recipe.finetuning
        return Schedule(s.epochs, s.learning_rate, s.halve_every, s.patience, encoder_rate=s.encoder_rate)

    def build(self, state: State | None) -> nn.Module:
        """The encoder, and a linear layer."""
        return build_classifier(self.recipe.model, len(self.tables.names), state)

    def learner(
        self, model: nn.Module, place: Place, shuffled: bool, frozen: bool, device: torch.device
    ) -> ClassifierLearner | ProbeLearner:
        """Of the whole network; or, where the encoder is frozen, of the linear layer on features computed once."""
        assert isinstance(model, Classifier)
        cohort = self.cohorts[place]
        learnt = _shuffled(self.learnt, cohort, place.seed) if shuffled else self.learnt
        lesson = Lesson(cohort.train, cohort.validation, learnt, self.tables.columns)
        if frozen:
            size = self.recipe.finetuning.batch_size
            return ProbeLearner(model, self.batches, lesson, size, place.seed, device)
        return ClassifierLearner(model, self.batches, lesson, place.seed, device)

    def answer(self, model: nn.Module, place: Place, arm: str, device: torch.device, out: Path) -> Answers:
        """Probabilities (test images, labels)."""
        assert isinstance(model, Classifier)
        logits = predict(model, self.batches, self.cohorts[place].test, device)
        return {"probabilities": 1 / (1 + np.exp(-logits))}

    def score(self, answers: Mapping[str, Mapping[Place, Answers]], out: Path) -> Scored:
        """AUROCs of images and studies, their mean over seeds."""
        found = {
            arm: {place.seed: each["probabilities"] for place, each in runs.items()}
            for arm, runs in answers.items()
        }
        again = {arm: resampled(scores, self.tables) for arm, scores in found.items()}
        write_scores(out / "probabilities.csv", found, self.tables)
        write_figures(out, found, self.tables)
        return Scored(
            rows={arm: rows_of(scores, again[arm], self.tables) for arm, scores in found.items()},
            cases={arm: [] for arm in found},
            comparisons=compare_first(found, again, self.tables),
            lines=lines_of(found, self.tables),
        )

    def _without(self) -> list[str]:
        truth, notes = self.tables.truth, []
        for what, value in (("positives", 1), ("negatives", 0)):
            none = [self.tables.names[c] for c in self.tables.columns if not (truth[:, c] == value).any()]
            if none:
                notes.append(
                    f"no {what} among the test images, so no AUROC, and no part in the mean: {', '.join(none)}"
                )
        return notes

    def _unlearnt(self) -> list[str]:
        none = [
            name
            for column, name in enumerate(self.tables.names)
            if any(not (self.learnt[cohort.train, column] == 1).any() for cohort in self.cohorts.values())
        ]
        return [f"no positive among the training images: {', '.join(none)}"] if none else []


def _shuffled(learnt: NDArray[np.float32], cohort: ImageCohort, seed: int) -> NDArray[np.float32]:
    """All labels of an image together go to another one of the same part, so that nothing true chooses the epoch."""
    mixed, rng = learnt.copy(), np.random.default_rng([seed, 2])
    for rows in (cohort.train, cohort.validation):
        mixed[rows] = learnt[rng.permutation(rows)]
    return mixed
