"""LUNA16: is a candidate a nodule? Its own ten folds; all scans take part, with or without nodules."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.evaluation.cohorts.elsewhere import volumes_elsewhere
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.candidates.candidates import read_candidates
from pcrl.evaluation.tasks.candidates.task import CandidateTask
from pcrl.evaluation.tasks.task import Elsewhere, OpenedElsewhere


def open_task(cohorts: VolumeCohorts, recipe: VolumeRecipe, _options: Mapping[str, str]) -> CandidateTask:
    """LUNA16 on these scans.

    Raises:
        LayoutError: a table of candidates or nodules is missing or damaged.
        ProtocolError: no nodule to learn from, or none to find.
    """
    candidates, nodules = read_candidates(cohorts.dataset)
    return CandidateTask(cohorts, candidates, nodules, recipe)


def open_elsewhere(
    task: CandidateTask, dataset: CachedDataset, where: Elsewhere
) -> OpenedElsewhere[VolumeCohorts, CandidateTask]:
    """The task on all scans of another data set that has LUNA16's tables.

    Raises:
        LayoutError: a table of candidates or nodules is missing or damaged.
        ProtocolError: no scan, no nodule to find, or names of labels, of which candidates have none.
    """
    if where.same_labels:
        raise ProtocolError("candidates are nodules or not, whatever they are called: remove --same-label")
    cohorts = volumes_elsewhere(dataset, where.replicates, where.tested, labelled=False)
    candidates, nodules = read_candidates(dataset)
    return OpenedElsewhere(cohorts, CandidateTask(cohorts, candidates, nodules, task.recipe))
