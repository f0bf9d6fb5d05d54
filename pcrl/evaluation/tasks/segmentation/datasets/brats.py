"""BraTS: whole tumour, tumour core and enhancing tumour in four MR sequences; each lies within the one before."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import VolumeRecipe
from pcrl.datasets.layouts.volumes.brats import LATER_LABELS
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.task import SegmentationTask

PATCH = (112, 128, 112)
"""Published."""
MISSING_DISTANCE = 373.13
"""mm, the challenge's HD95 where a region is empty in one of truth and prediction: the diagonal of 240×240×155."""
RULES = Rules(tolerance=5.0, absent_is_right=True)
"""Nothing where there is nothing is right, as in the challenge; 5 mm is the tolerance for brain tumours of the Medical
Segmentation Decathlon (Antonelli et al. 2022)."""
REGIONS = ("whole tumour", "tumour core", "enhancing tumour")
CORE = {"necrotic core", "non-enhancing tumour", "cystic component"}
ENHANCING, OEDEMA, CAVITY = "enhancing tumour", "oedema", "resection cavity"
"""A resection cavity belongs to no region."""
RESECTED = 4
"""Value of the cavity, from 2024 on, where enhancing tumour is 3."""


def target(names: Mapping[int, str]) -> Target:
    """The three regions, made of the parts that label values mean.

    Raises:
        ProtocolError: enhancing tumour, oedema, or every part of the core that does not enhance, is not among them.
    """
    enhancing, oedema = (
        tuple(v for v, name in names.items() if name == part) for part in (ENHANCING, OEDEMA)
    )
    inner = tuple(value for value, name in sorted(names.items()) if name in CORE)
    if not (enhancing and oedema and inner):
        raise ProtocolError(
            f"the label values are {dict(names) or 'not named'}: expected {ENHANCING}, {OEDEMA} and one of "
            f"{', '.join(sorted(CORE))}. Say what they mean in labels.csv (value,name) beside the scans, and "
            "ingest again"
        )
    core = (*inner, *enhancing)
    values = (tuple(sorted((*core, *oedema))), tuple(sorted(core)), enhancing)
    paint = (oedema[0], inner[0], enhancing[0])
    return Target(REGIONS, values, paint, overlapping=True, missing_distance=MISSING_DISTANCE)


def open_task(cohorts: VolumeCohorts, recipe: VolumeRecipe, _options: Mapping[str, str]) -> SegmentationTask:
    """BraTS on these cases.

    Raises:
        ProtocolError: nobody knows what the values mean, or a label holds one that its naming does not know.
    """
    dataset, names = cohorts.dataset, cohorts.dataset.record.label_names
    regions = target(names)
    known = {0, *names} | ({RESECTED} if names == LATER_LABELS else set())
    for case in dataset.cases:
        if case.has_label and (strange := sorted({*case.label_record.values} - known)):
            meant = ", ".join(f"{value} for {name}" for value, name in sorted(names.items()))
            raise ProtocolError(
                f"{dataset.name}: the label of {case.name} holds {strange[0]}; these files have {meant}: give labels "
                "as the challenge publishes them"
            )
    return SegmentationTask(cohorts, regions, recipe, PATCH, RULES)
