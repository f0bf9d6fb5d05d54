"""The image cohorts of every training of an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.engine.selection.fingerprints import fingerprints_of_images
from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.image_cohort import ImageCohort, image_cohort
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Side


@dataclass(frozen=True, slots=True)
class ImageCohorts:
    """The cohort of every training of an arm; see `pcrl.evaluation.cohorts.cohorts.Cohorts`.

    All of them test the same images.
    """

    dataset: CachedImages
    of: dict[Replicate, ImageCohort]

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """All trainings of an arm."""
        return tuple(self.of)

    @property
    def first(self) -> ImageCohort:
        """The cohort of the first training."""
        return next(iter(self.of.values()))

    def side(self, replicate: Replicate) -> Side:
        """Names of the images of one training."""
        cohort = self.of[replicate]
        train, validation, test = (
            tuple(cohort.table.names[row] for row in rows)
            for rows in (cohort.train, cohort.validation, cohort.test)
        )
        return Side(seed=replicate.seed, fold=replicate.fold, train=train, validation=validation, test=test)

    def counts(self, replicate: Replicate) -> tuple[int, int]:
        """How many patients are trained on, and tested."""
        cohort = self.of[replicate]
        return len(set(cohort.patients(cohort.train))), len(set(cohort.patients(cohort.test)))

    def validating(self, replicate: Replicate) -> int:
        """How many patients choose the epoch."""
        cohort = self.of[replicate]
        return len(set(cohort.patients(cohort.validation)))

    def tested(self) -> Fingerprints:
        """What gives away everything that is tested."""
        return fingerprints_of_images(self.dataset, self.first.test)

    def learnt_from(self) -> Fingerprints:
        """What gives away everything that is trained on, or chooses an epoch."""
        rows = [np.concatenate([cohort.train, cohort.validation]) for cohort in self.of.values()]
        return fingerprints_of_images(self.dataset, np.unique(np.concatenate(rows)))

    def owners(self) -> Mapping[str, str]:
        """The patient of each image."""
        return dict(zip(self.dataset.table.names, self.dataset.table.patients, strict=True))

    def virtual(self) -> int:
        """Number of synthetic test images."""
        return int(self.dataset.table.virtual[self.first.test].sum())

    def describe(self) -> str:
        """Realised numbers of patients and images, of the first training."""
        return self.first.describe()

    def notes_on_training(self) -> list[str]:
        """What a reader of the scores should know of who trains and validates."""
        return self.first.notes_on_training()

    def notes_on_test(self) -> list[str]:
        """What a reader of the scores should know of the images, and of those that are tested."""
        return self.first.notes_on_test()


def images_of_views(dataset: CachedImages, design: Design) -> ImageCohorts:
    """The images of a data set, with a share of its labelled patients; `views` is an option of the task.

    Raises:
        ProtocolError: no labels, or a split without images.
    """
    views = design.options["views"]
    return ImageCohorts(
        dataset,
        {
            Replicate(seed): image_cohort(dataset, design.fraction, seed, views, design.validation)
            for seed in range(design.seeds)
        },
    )
