"""Classification of any labelled images: all labels are learnt and scored."""

from __future__ import annotations

from pcrl.config import ImageRecipe
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from pcrl.evaluation.tasks.question import Question


def task(images: CachedImages, recipe: ImageRecipe, question: Question) -> ClassificationTask:
    """The data set with the patients that are asked for."""
    return ClassificationTask(
        "classification", images, recipe, question.fraction, question.seeds, question.views, question.uncertain
    )  # fmt: skip
