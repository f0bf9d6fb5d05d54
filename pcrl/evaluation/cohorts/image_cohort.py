"""The training, validation and test images of an evaluation: divided by patient, as the cache says."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.images.table import ImageTable
from pcrl.engine.splits import fraction_of, in_seeded_order
from pcrl.evaluation.cohorts.budget import FEWEST, ONE_OF, Labelled, Validation, divide
from pcrl.evaluation.cohorts.cohorts import FEWEST_TO_CHOOSE
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.statistics.inference.estimate import FEWEST_PATIENTS
from pcrl.listing import counted

CARVED_EARLIER = 0.1
"""Share of the chosen training patients that evaluations which were begun earlier set aside for validation."""
FEWEST_EARLIER = 5
"""Validation patients below which they did so, or kept the last epoch."""
_CARVING = 1 << 32
"""Added to the seed, so that the patients set aside do not depend on the order by which fractions are taken."""


@dataclass(frozen=True, slots=True)
class ImageCohort:
    """The images of one training, by side.

    Args:
        train, validation, test: positions in the table, rising.
        labelled: how the labelled patients were shared out.
        left_out: images of all splits that are left out because they are not frontal views.
        carved: the validation patients were set aside from the training patients, as the data set has too few.
        how: who validates.
    """

    table: ImageTable
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    labelled: Labelled
    left_out: int
    carved: bool
    how: Validation = "budget"

    def patients(self, rows: NDArray[np.int64]) -> list[str]:
        """The patient of each image."""
        return [self.table.patients[row] for row in rows]

    def synthetic(self) -> int:
        """Number of synthetic images."""
        return int(sum(self.table.virtual[rows].sum() for rows in (self.train, self.validation, self.test)))

    def describe(self) -> str:
        """Realised numbers of patients and images."""
        parts = (("training", self.train), ("validation", self.validation), ("test", self.test))
        sides = [
            f"{name} {counted(len(set(self.patients(rows))), 'patient')} with {counted(len(rows), 'image')}"
            for name, rows in parts
        ]
        return "; ".join([*sides, self.labelled.describe()])

    def notes_on_training(self) -> list[str]:
        """What a reader of the scores should know of who trains and validates."""
        notes = []
        if self.carved:
            notes.append(
                "the data set has too few validation patients: some of the training patients are set aside for "
                "validation"
            )
        notes += self.labelled.notes(self.how)
        if 0 < (validation := len(set(self.patients(self.validation)))) < FEWEST_TO_CHOOSE:
            notes.append(
                f"only {counted(validation, 'validation patient')}: which epoch they choose is largely chance"
            )
        return notes

    def notes_on_test(self) -> list[str]:
        """What a reader of the scores should know of the images, and of those that are tested."""
        notes = []
        if self.left_out:
            notes.append(
                f"not used: {counted(self.left_out, 'image')} of other than frontal views; --views all (in "
                'Python: options={"views": "all"}) includes them'
            )
        tested = len(set(self.patients(self.test)))
        if tested < FEWEST_PATIENTS:
            notes.append(
                f"only {counted(tested, 'test patient')}: too few for confidence intervals of means, or for "
                "conclusions about quality"
            )
        if absent := len(self.table.failed):
            notes.append(
                f"not used: {counted(absent, 'image')} that could not be read at ingest; pcrl ingest says why"
            )
        if synthetic := self.synthetic():
            notes.append(
                f"{counted(synthetic, 'synthetic image')}: the scores say nothing about real patients"
            )
        return notes


def image_cohort(
    images: CachedImages, fraction: float, seed: int, views: str = "frontal", how: Validation = "budget"
) -> ImageCohort:
    """The images of a data set, with a share of its labelled patients.

    A data set with too few validation patients has some of its training patients set aside to validate: the same ones
    at every fraction, so that none of them trains at another.

    Args:
        fraction: share of the labelled patients, in (0, 1]; smaller ones nest in larger ones.
        views: `frontal` or `all`; images whose view is not stated count as frontal.
        how: who validates.

    Raises:
        ProtocolError: no labels, or a split without images.
    """
    table = images.table
    if not table.label_names:
        raise ProtocolError(f"{images.name} has no labels: ingest it with a table that has columns for them")
    by_split, left_out = rows_of_views(table, views)
    for split in ("train", "test"):
        if not len(by_split[split]):
            raise ProtocolError(
                f"{images.name}: no {'image' if views == 'all' else 'frontal image'} of {len(table)} is in the "
                f"{split} split; add patients, or a column `split` to a table of your own"
            )
    patients, own = ({table.patients[row] for row in by_split[split]} for split in ("train", "val"))
    labelled, carved = (_shared_earlier if how == "earlier" else _shared)(patients, own, fraction, seed, how)
    train = _whose(table, by_split["train"], labelled.train)
    validation = _whose(table, by_split["train" if carved else "val"], labelled.validation)
    return ImageCohort(table, train, validation, by_split["test"], labelled, left_out, carved, how)


def _shared(
    patients: set[str], own: set[str], fraction: float, seed: int, how: Validation
) -> tuple[Labelled, bool]:
    """Who trains and validates; and whether training patients were set aside for it."""
    aside = in_seeded_order(patients, _CARVING)[: len(patients) // ONE_OF] if len(own) < FEWEST else []
    carved = len(aside) >= FEWEST
    if carved:
        patients, own = patients - set(aside), set(aside)
    return divide(patients, own, fraction, seed, how), carved


def _shared_earlier(
    patients: set[str], own: set[str], fraction: float, seed: int, how: Validation
) -> tuple[Labelled, bool]:
    """The same, as evaluations did that were begun earlier: a tenth of those chosen is set aside, at every fraction."""
    if len(own) >= FEWEST_EARLIER:
        return divide(patients, own, fraction, seed, how), False
    chosen = fraction_of(patients, fraction, seed)
    aside = fraction_of(chosen, CARVED_EARLIER, seed + _CARVING)
    if len(aside) < FEWEST_EARLIER:
        aside = []
    train = frozenset(chosen) - frozenset(aside)
    return Labelled(train, frozenset(aside), len(patients), 0, len(chosen)), bool(aside)


def rows_of_views(table: ImageTable, views: str) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Split → positions of its images of these views, rising; and how many images are of others."""
    shown = np.array([views == "all" or view != "lateral" for view in table.views], bool)
    of_split = {split: table.where(split) for split in ("train", "val", "test")}
    return {split: rows[shown[rows]] for split, rows in of_split.items()}, int((~shown).sum())


def _whose(table: ImageTable, rows: NDArray[np.int64], patients: Set[str]) -> NDArray[np.int64]:
    return np.array([row for row in rows.tolist() if table.patients[row] in patients], np.int64)
