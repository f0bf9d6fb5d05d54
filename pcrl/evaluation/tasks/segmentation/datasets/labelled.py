"""Segmentation of any labelled data set: every label value is a class, or the regions that the data set states."""

from __future__ import annotations

from collections.abc import Mapping

from pcrl.config import VolumeRecipe
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.task import SegmentationTask

PATCH = (96, 96, 96)


def open_task(cohorts: VolumeCohorts, recipe: VolumeRecipe, _options: Mapping[str, str]) -> SegmentationTask:
    """The data set on these cases.

    Raises:
        ProtocolError: some values have names, and another one occurs.
    """
    dataset, record = cohorts.dataset, cohorts.dataset.record
    names = dict(record.label_names)
    known = {*names, *(value for values in record.regions.values() for value in values)}
    unnamed = {v: case.name for case in dataset.cases if case.has_label for v in case.label_record.values}
    unnamed = {v: case for v, case in unnamed.items() if v not in {0, record.ignored} | known}
    if known and unnamed:
        value, case = next(iter(unnamed.items()))
        raise ProtocolError(
            f"{dataset.name}: the label of {case} holds {value}, which the data set does not name: name it in its "
            "dataset.json, as `ignore` if it is to be left out, or mend the label, and ingest again"
        )
    if record.regions:
        return SegmentationTask(
            cohorts, Target.of_regions(record.regions, record.ignored), recipe, PATCH, Rules()
        )
    names |= {value: f"label {value}" for value in unnamed}
    return SegmentationTask(cohorts, Target.of_values(names, record.ignored), recipe, PATCH, Rules())
