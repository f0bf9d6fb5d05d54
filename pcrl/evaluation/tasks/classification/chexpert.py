"""CheXpert: 14 observations are learnt, the five of the competition scored."""

from __future__ import annotations

from pcrl.config import ImageRecipe
from pcrl.datasets.layouts.images.chexpert import COMPETITION
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from pcrl.evaluation.tasks.question import Question


def task(images: CachedImages, recipe: ImageRecipe, question: Question) -> ClassificationTask:
    """CheXpert with the patients that are asked for."""
    return ClassificationTask(
        "chexpert", images, recipe, question.fraction, question.seeds, question.views, question.uncertain, COMPETITION
    )  # fmt: skip
