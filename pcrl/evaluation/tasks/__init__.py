"""The downstream tasks, one a file: which data, which targets, which numbers. What is common is one level up."""

from __future__ import annotations

from collections.abc import Callable

from pcrl.config import ImageRecipe, VolumeRecipe
from pcrl.engine.cache.cache import CachedDataset
from pcrl.engine.cache.images import CachedImages
from pcrl.evaluation.task import Task
from pcrl.evaluation.tasks import brats, chestxray, chexpert, classification, lits, luna, segmentation
from pcrl.evaluation.tasks.question import Question

VOLUMES: dict[str, Callable[[CachedDataset, VolumeRecipe, Question], Task]] = {
    "lits": lits.task,
    "brats": brats.task,
    "luna": luna.task,
    "segmentation": segmentation.task,
}
IMAGES: dict[str, Callable[[CachedImages, ImageRecipe, Question], Task]] = {
    "chexpert": chexpert.task,
    "chestxray": chestxray.task,
    "classification": classification.task,
}
