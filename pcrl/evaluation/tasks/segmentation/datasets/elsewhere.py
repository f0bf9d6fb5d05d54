"""Networks that segment one data set tested on another: its label values are found by the names of the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.evaluation.cohorts.elsewhere import volumes_elsewhere
from pcrl.evaluation.cohorts.volumes import VolumeCohorts
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.same_labels import found_under, in_words, none_found
from pcrl.evaluation.tasks.segmentation.datasets import brats
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.task import SegmentationTask
from pcrl.evaluation.tasks.task import Elsewhere, OpenedElsewhere

Values = tuple[int, ...]


def open_elsewhere(
    task: SegmentationTask, dataset: CachedDataset, where: Elsewhere
) -> OpenedElsewhere[VolumeCohorts, SegmentationTask]:
    """The task on the labelled cases of another data set.

    Raises:
        ProtocolError: none, no label that the networks know, or images of another kind.
    """
    cohorts = volumes_elsewhere(dataset, where.replicates, where.tested)
    notes: list[str] = []
    if task.target.names == brats.REGIONS and not where.same_labels:
        truth = brats.target(dataset.record.label_names)
    else:
        truth, notes = _truth(task, dataset, where.same_labels)
    truth = replace(truth, ignored=dataset.record.ignored)
    tested = SegmentationTask(cohorts, task.target, task.recipe, task.setup.patch, task.rules, truth)
    ours, theirs = ((one.example.modality, one.channels) for one in (task, tested))
    if ours != theirs:
        raise ProtocolError(
            f"the networks know {_kind(*ours)}, and {dataset.name} holds {_kind(*theirs)}: give a data set of the same "
            "kind"
        )
    return OpenedElsewhere(cohorts, tested, tuple(notes))


def _truth(
    task: SegmentationTask, dataset: CachedDataset, said: Mapping[str, str]
) -> tuple[Target, list[str]]:
    """Those regions of the task that the data set has, in its values; and what should be known of the others."""
    ours, theirs = names_of(task.cohorts.dataset), names_of(dataset)
    wanted = {name: parts_of(name, values, ours) for name, values in _regions(task.target).items()}
    every = tuple(dict.fromkeys(part for name, parts in wanted.items() for part in (name, *parts)))
    found = found_under(every, tuple(theirs), said, dataset.name)
    values: dict[str, Values] = {}
    for name, parts in wanted.items():
        # A region is there if what it is called after is, or else all that it is made of.
        whole = name in found or all(part in found for part in parts)
        named = [found[part] for part in dict.fromkeys((name, *parts)) if part in found]
        if whole:
            values[name] = tuple(sorted({value for one in named for value in theirs[one]}))
    if not values:
        raise none_found(every, tuple(theirs), dataset.name)
    paint = [task.target.paint[task.target.names.index(name)] for name in values]
    truth = replace(task.target, names=tuple(values), values=tuple(values.values()), paint=tuple(paint))
    return truth, in_words(found, tuple(wanted), tuple(values), dataset.name)


def names_of(dataset: CachedDataset) -> dict[str, Values]:
    """Name → values of each label and region of a data set; `label 3` where a value has no name."""
    record = dataset.record
    named: dict[str, Values] = {name: (value,) for value, name in record.label_names.items()}
    named |= {name: tuple(values) for name, values in record.regions.items()}
    known = {0, record.ignored, *(value for values in named.values() for value in values)}
    occurring = {v for case in dataset.cases if case.has_label for v in case.label_record.values} - known
    return named | {f"label {value}": (value,) for value in sorted(v for v in occurring if v is not None)}


def parts_of(region: str, values: Values, names: Mapping[str, Values]) -> list[str]:
    """Names of the single labels that a region is made of."""
    return [name for name, own in names.items() if name != region and set(own) <= set(values)]


def _regions(target: Target) -> dict[str, Values]:
    return dict(zip(target.names, target.values, strict=True))


def _kind(modality: str, channels: int) -> str:
    return f"{modality.upper()} of {channels} channel{'s' * (channels > 1)}"
