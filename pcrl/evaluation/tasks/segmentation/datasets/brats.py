"""BraTS: whole tumour, tumour core and enhancing tumour in four MR sequences; each lies within the one before."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import VolumeRecipe
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.task import SegmentationTask

PATCH = (112, 128, 112)
"""Published."""
MISSING_DISTANCE = 373.13
"""mm, the challenge's HD95 where a region is empty in one of truth and prediction: the diagonal of 240×240×155."""
REGIONS = ("whole tumour", "tumour core", "enhancing tumour")
OEDEMA, NECROTIC, RESECTED = 2, 1, 4
"""A resection cavity, from 2024 on where enhancing tumour is 3, belongs to no region."""


def target(enhancing: int) -> Target:
    """The three regions.

    Args:
        enhancing: the value of enhancing tumour: 4 until 2020, 3 in later years.
    """
    values = ((NECROTIC, OEDEMA, enhancing), (NECROTIC, enhancing), (enhancing,))
    paint = (OEDEMA, NECROTIC, enhancing)
    return Target(REGIONS, values, paint, overlapping=True, missing_distance=MISSING_DISTANCE)


def open_task(cohorts: VolumeCohorts, recipe: VolumeRecipe, _options: Mapping[str, str]) -> SegmentationTask:
    """BraTS on these cases.

    Raises:
        ProtocolError: a label holds a value that its naming does not know.
    """
    dataset = cohorts.dataset
    enhancing = max(dataset.record.label_names)
    known = {0, NECROTIC, OEDEMA, enhancing, RESECTED}
    for case in dataset.cases:
        if case.has_label and (strange := sorted({*case.label_record.values} - known)):
            raise ProtocolError(
                f"{dataset.name}: the label of {case.name} holds {strange[0]}; by their names these files have "
                f"{NECROTIC}, {OEDEMA} and {enhancing} for enhancing tumour: give labels as the challenge publishes "
                "them"
            )
    return SegmentationTask(cohorts, target(enhancing), recipe, PATCH)
