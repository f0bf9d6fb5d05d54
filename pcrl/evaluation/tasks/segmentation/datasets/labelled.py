"""Segmentation of any labelled data set: every label value is a class."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import VolumeRecipe
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.task import SegmentationTask

PATCH = (96, 96, 96)


def open_task(cohorts: VolumeCohorts, recipe: VolumeRecipe, _options: Mapping[str, str]) -> SegmentationTask:
    """The data set on these cases.

    Raises:
        ProtocolError: some values have names, and another one occurs, as with nnU-Net's `ignore`.
    """
    dataset = cohorts.dataset
    names = dict(dataset.record.label_names)
    unnamed = {v: case.name for case in dataset.cases if case.has_label for v in case.label_record.values}
    unnamed = {value: case for value, case in unnamed.items() if value and value not in names}
    if names and unnamed:
        value, case = next(iter(unnamed.items()))
        raise ProtocolError(
            f"{dataset.name}: the label of {case} holds {value}, which the data set does not name: name it in its "
            "dataset.json, or mend the label, and ingest again (values to be ignored are not supported)"
        )
    names |= {value: f"label {value}" for value in unnamed}
    return SegmentationTask(cohorts, Target.of_values(names), recipe, PATCH)
