"""What a user asks of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pcrl.evaluation.cohorts.images import ViewChoice
from pcrl.evaluation.tasks.classification.uncertain import Policy


@dataclass(frozen=True, slots=True)
class Question:
    """What of a data set is asked.

    Args:
        fraction: share of the labelled training patients, in (0, 1].
        seeds: how many trainings of each arm, each with its own patients and patches.
        folds: tested one after the other; none: the data set's own split.
        target: of LiTS.
        views, uncertain: of radiographs.
    """

    fraction: float = 1.0
    seeds: int = 1
    folds: tuple[int, ...] = ()
    target: Literal["liver", "tumour"] = "liver"
    views: ViewChoice = "frontal"
    uncertain: Policy = "ones"
