"""Classifiers of one data set tested on another: its labels are found by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.cohorts.elsewhere import images_elsewhere
from pcrl.evaluation.cohorts.images import ImageCohorts
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from pcrl.evaluation.tasks.classification.uncertain import NOT_MENTIONED
from pcrl.evaluation.tasks.same_labels import found_under, in_words, none_found
from pcrl.evaluation.tasks.task import Elsewhere, OpenedElsewhere


@dataclass(frozen=True)
class RenamedImages(CachedImages):
    """A data set of images, with the labels of another: those that it does not have are nowhere mentioned.

    Args:
        names: of all labels.
        found: of some of them, the name that they have in this data set.
    """

    names: tuple[str, ...] = ()
    found: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def table(self) -> ImageTable:
        """What is known of each image; see `CachedImages.table`."""
        own = CachedImages(self.folder, self.record).table
        labels = np.full((len(own), len(self.names)), NOT_MENTIONED, np.int8)
        for column, name in enumerate(self.names):
            if name in self.found:
                labels[:, column] = own.labels[:, own.label_names.index(self.found[name])]
        return replace(own, labels=labels, label_names=self.names)


def open_elsewhere(
    task: ClassificationTask, images: CachedImages, where: Elsewhere
) -> OpenedElsewhere[ImageCohorts, ClassificationTask]:
    """The task on the images of another data set; labels that it does not have are not scored.

    Raises:
        ProtocolError: no images, or no label that the networks know.
    """
    scored, names = task.tables.scored, task.tables.names
    found = found_under(names, images.record.label_names, where.same_labels, images.name)
    there = [name for name in scored if name in found]
    if not there:
        raise none_found(scored, images.record.label_names, images.name)
    renamed = RenamedImages(images.folder, images.record, names, found)
    cohorts = images_elsewhere(renamed, where.replicates, where.tested, where.options["views"])
    tested = ClassificationTask(cohorts, task.recipe, "ignore", there, task.subgroups, trained=task.trained)
    notes = in_words({name: found[name] for name in there}, scored, there, images.name)
    return OpenedElsewhere(cohorts, tested, tuple(notes))
