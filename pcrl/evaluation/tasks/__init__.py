"""The downstream tasks, one a file: which data, which targets, which numbers. What is common is one level up."""

from __future__ import annotations

from collections.abc import Callable

from pcrl.config import ImageRecipe, VolumeRecipe
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.evaluation.tasks.candidates import luna
from pcrl.evaluation.tasks.classification import chestxray, chexpert
from pcrl.evaluation.tasks.classification import labelled as classification
from pcrl.evaluation.tasks.question import Question
from pcrl.evaluation.tasks.segmentation import brats, lits
from pcrl.evaluation.tasks.segmentation import labelled as segmentation
from pcrl.evaluation.tasks.task import Task

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
