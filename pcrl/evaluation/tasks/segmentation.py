"""Segmentation of any labelled data set: every label value is a class."""

from __future__ import annotations

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.cache import CachedDataset
from pcrl.evaluation.cohort import cohorts
from pcrl.evaluation.segmentation import SegmentationTask
from pcrl.evaluation.target import Target
from pcrl.evaluation.tasks.question import Question

PATCH = (96, 96, 96)


def task(dataset: CachedDataset, recipe: VolumeRecipe, question: Question) -> SegmentationTask:
    """The data set with the patients that are asked for."""
    found = cohorts(dataset, question.fraction, question.seeds, question.folds)
    names = dict(dataset.record.label_names)
    for case in dataset.cases:
        if case.has_label:
            names |= {v: f"label {v}" for v in case.label_record.values if v and v not in names}
    return SegmentationTask("segmentation", found, Target.of_values(names), recipe, PATCH)
