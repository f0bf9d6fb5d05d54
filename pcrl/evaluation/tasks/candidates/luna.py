"""LUNA16: is a candidate a nodule? Its own ten folds; all scans take part, with or without nodules."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import VolumeRecipe
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.tasks.candidates.candidates import read_candidates
from pcrl.evaluation.tasks.candidates.task import CandidateTask


def open_task(cohorts: VolumeCohorts, recipe: VolumeRecipe, _options: Mapping[str, str]) -> CandidateTask:
    """LUNA16 on these scans.

    Raises:
        LayoutError: a table of candidates or nodules is missing or damaged.
        ProtocolError: no nodule to learn from, or none to find.
    """
    candidates, nodules = read_candidates(cohorts.dataset)
    return CandidateTask(cohorts, candidates, nodules, recipe)
