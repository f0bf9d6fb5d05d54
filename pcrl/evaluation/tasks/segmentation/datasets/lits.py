"""LiTS: the liver, or the liver and the tumours in it."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import VolumeRecipe
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.task import SegmentationTask

WINDOW = (-200.0, 200.0)
"""HU (published)."""
PATCH = (96, 96, 96)
RULES = Rules(tolerance=7.0)
"""7 mm is the tolerance for liver and tumours of the Medical Segmentation Decathlon (Antonelli et al. 2022)."""
TARGETS = {
    "liver": Target(("liver",), ((1, 2),), (1,)),
    # A tumour is part of the liver, in the challenge's scores too.
    "tumour": Target(("liver", "tumour"), ((1, 2), (2,)), (1, 2), overlapping=True),
}


def open_task(cohorts: VolumeCohorts, recipe: VolumeRecipe, options: Mapping[str, str]) -> SegmentationTask:
    """LiTS on these cases, in its published window unless the recipe has one."""
    if recipe.finetuning.window is None:
        recipe = recipe.model_copy(
            update={"finetuning": recipe.finetuning.model_copy(update={"window": WINDOW})}
        )
    return SegmentationTask(cohorts, TARGETS[options["target"]], recipe, PATCH, RULES)
