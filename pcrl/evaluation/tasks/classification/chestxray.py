"""ChestX-ray14: 14 findings, on the official test list."""

from __future__ import annotations

from pcrl.config import ImageRecipe
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from pcrl.evaluation.tasks.question import Question


def task(images: CachedImages, recipe: ImageRecipe, question: Question) -> ClassificationTask:
    """ChestX-ray14 with the patients that are asked for."""
    return ClassificationTask(
        "chestxray", images, recipe, question.fraction, question.seeds, question.views, question.uncertain
    )  # fmt: skip
