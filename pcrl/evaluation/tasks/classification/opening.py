"""Classification of labelled images: all labels are learnt; all of them are scored, or the five of a competition."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import ImageRecipe
from pcrl.datasets.layouts.images.chexpert import COMPETITION
from pcrl.evaluation.cohorts.images import ImageCohorts
from pcrl.evaluation.tasks.classification.task import ClassificationTask


def all_scored(cohorts: ImageCohorts, recipe: ImageRecipe, options: Mapping[str, str]) -> ClassificationTask:
    """Every label of the data set is scored."""
    return ClassificationTask(cohorts, recipe, options["uncertain"])


def competition_scored(
    cohorts: ImageCohorts, recipe: ImageRecipe, options: Mapping[str, str]
) -> ClassificationTask:
    """The five observations of CheXpert's competition are scored."""
    return ClassificationTask(cohorts, recipe, options["uncertain"], COMPETITION)
