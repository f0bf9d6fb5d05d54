"""LiTS: the liver, or the liver and the tumours in it."""

from __future__ import annotations

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.evaluation.cohorts.volumes import cohorts
from pcrl.evaluation.tasks.question import Question
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.task import SegmentationTask

WINDOW = (-200.0, 200.0)
"""HU (published)."""
PATCH = (96, 96, 96)
TARGETS = {
    "liver": Target(("liver",), ((1, 2),), (1,)),
    # A tumour is part of the liver, in the challenge's scores too.
    "tumour": Target(("liver", "tumour"), ((1, 2), (2,)), (1, 2), overlapping=True),
}


def task(dataset: CachedDataset, recipe: VolumeRecipe, question: Question) -> SegmentationTask:
    """LiTS with the patients that are asked for."""
    found = cohorts(dataset, question.fraction, question.seeds, question.folds)
    if recipe.finetuning.window is None:
        recipe = recipe.model_copy(
            update={"finetuning": recipe.finetuning.model_copy(update={"window": WINDOW})}
        )
    return SegmentationTask("lits", found, TARGETS[question.target], recipe, PATCH)
