"""Classification of labelled images: all labels are learnt; all of them are scored, or the five of a competition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pcrl.config import ImageRecipe
from pcrl.datasets.layouts.images.chexpert import COMPETITION
from pcrl.evaluation.cohorts.images import ImageCohorts
from pcrl.evaluation.tasks.classification.subsets.subgroups import variables_of
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from pcrl.evaluation.tasks.classification.uncertain import policies


def all_scored(cohorts: ImageCohorts, recipe: ImageRecipe, options: Mapping[str, str]) -> ClassificationTask:
    """Every label of the data set is scored."""
    return _opened(cohorts, recipe, options, cohorts.dataset.table.label_names)


def competition_scored(
    cohorts: ImageCohorts, recipe: ImageRecipe, options: Mapping[str, str]
) -> ClassificationTask:
    """The five observations of CheXpert's competition are scored."""
    return _opened(cohorts, recipe, options, COMPETITION)


def _opened(
    cohorts: ImageCohorts,
    recipe: ImageRecipe,
    options: Mapping[str, str],
    scored: Sequence[str],
) -> ClassificationTask:
    uncertain = policies(options["uncertain"], cohorts.dataset.table.label_names)
    return ClassificationTask(cohorts, recipe, uncertain, scored, variables_of(options["subgroups"]))
