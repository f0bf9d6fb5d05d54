"""Patients of a data set that a network was not trained on: all of them, or those that it holds back, are tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.evaluation.cohorts.budget import Labelled
from pcrl.evaluation.cohorts.image_cohort import ImageCohort, rows_of_views
from pcrl.evaluation.cohorts.images import ImageCohorts
from pcrl.evaluation.cohorts.volumes import VolumeCohort, VolumeCohorts, marked_cases
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Replicate

Tested = Literal["all", "test"]
"""Which patients of the other data set: all, or only those of its own test split."""
NOBODY = Labelled(frozenset(), frozenset(), 0, 0, 0)
"""Of the other data set, none trains or validates."""


def volumes_elsewhere(
    dataset: CachedDataset, replicates: Sequence[Replicate], tested: Tested, labelled: bool = True
) -> VolumeCohorts:
    """The cases of a data set, tested by every training.

    Args:
        labelled: only those in whose segmentation something is marked.

    Raises:
        ProtocolError: none.
    """
    cases, empty = marked_cases(dataset) if labelled else (list(dataset.cases), [])
    chosen = tuple(case for case in cases if tested == "all" or case.split == "test")
    if not chosen:
        what = "labelled case" if labelled else "case"
        whose = " of its test split" if tested == "test" and cases else ""
        raise ProtocolError(
            f"{dataset.name} has no {what}{whose} in the cache: add some to its source and ingest again"
        )
    cohort = VolumeCohort((), (), chosen, NOBODY)
    return VolumeCohorts(dataset, dict.fromkeys(replicates, cohort), empty=tuple(empty))


def images_elsewhere(
    images: CachedImages, replicates: Sequence[Replicate], tested: Tested, views: str
) -> ImageCohorts:
    """The images of a data set, tested by every training.

    Args:
        views: `frontal` or `all`.

    Raises:
        ProtocolError: none.
    """
    splits = ("test",) if tested == "test" else ("train", "val", "test")
    by_split, left_out = rows_of_views(images.table, views)
    rows = np.sort(np.concatenate([by_split[split] for split in splits]))
    if not len(rows):
        frontal, whose = "" if views == "all" else "frontal ", " of its test split" * (tested == "test")
        raise ProtocolError(
            f"{images.name} has no {frontal}image{whose} in the cache: there is nothing to test"
        )
    nothing = np.zeros(0, np.int64)
    cohort = ImageCohort(images.table, nothing, nothing, rows, NOBODY, left_out, False)
    return ImageCohorts(images, dict.fromkeys(replicates, cohort))
