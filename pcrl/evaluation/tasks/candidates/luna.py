"""LUNA16: is a candidate a nodule? Its own ten folds; all scans take part, with or without nodules."""

from __future__ import annotations

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.evaluation.cohorts.volumes import cohorts
from pcrl.evaluation.tasks.candidates.candidates import read_candidates
from pcrl.evaluation.tasks.candidates.task import CandidateTask
from pcrl.evaluation.tasks.question import Question


def task(dataset: CachedDataset, recipe: VolumeRecipe, question: Question) -> CandidateTask:
    """LUNA16 with the scans that are asked for."""
    found = cohorts(dataset, question.fraction, question.seeds, question.folds, wanted=lambda _: True)
    candidates, nodules = read_candidates(dataset)
    return CandidateTask("luna", found, candidates, nodules, recipe)
