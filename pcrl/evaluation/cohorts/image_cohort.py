"""The training, validation and test images of an evaluation: divided by patient, as the cache says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.images.table import ImageTable
from pcrl.engine.splits import fraction_of
from pcrl.evaluation.cohorts.cohorts import FEWEST_TO_CHOOSE
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.statistics.inference.estimate import FEWEST_PATIENTS
from pcrl.listing import counted

CARVED = 0.1
"""Share of the training patients set aside for validation where the data set has too few validation patients."""
FEWEST_VALIDATION_PATIENTS = 5
"""With fewer validation patients the choice of an epoch would be chance: then the last one is kept."""
_CARVING = 1 << 32
"""Added to the seed, so that the patients set aside do not depend on the order by which fractions are taken."""


@dataclass(frozen=True, slots=True)
class ImageCohort:
    """The images of one training, by side.

    Args:
        train, validation, test: positions in the table, rising.
        all_training_patients: of whom a fraction was taken.
        left_out: images of all splits that are left out because they are not frontal views.
        validation: none, if they are of fewer than `FEWEST_VALIDATION_PATIENTS` patients.
        carved: the validation patients were set aside from the training patients, as the data set has too few.
    """

    table: ImageTable
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    all_training_patients: int
    left_out: int
    carved: bool

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
        return "; ".join(sides) + f" (of {self.all_training_patients} training patients)"

    def notes(self) -> list[str]:
        """What a reader of the scores should know of this choice."""
        notes = []
        if self.left_out:
            notes.append(
                f"not used: {counted(self.left_out, 'image')} of other than frontal views; --views all (in "
                'Python: options={"views": "all"}) includes them'
            )
        if self.carved:
            notes.append(
                "the data set has too few validation patients: some of the training patients are set aside for "
                "validation"
            )
        if not len(self.validation):
            notes.append(
                f"fewer than {FEWEST_VALIDATION_PATIENTS} validation patients: the last epoch is kept, not the "
                "best one"
            )
        if 0 < (validation := len(set(self.patients(self.validation)))) < FEWEST_TO_CHOOSE:
            notes.append(
                f"only {counted(validation, 'validation patient')}: which epoch they choose is largely chance"
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


def image_cohort(images: CachedImages, fraction: float, seed: int, views: str = "frontal") -> ImageCohort:
    """The images of a data set, with a share of its training patients.

    Args:
        fraction: share of the training patients, in (0, 1]; smaller ones nest in larger ones.
        views: `frontal` or `all`; images whose view is not stated count as frontal.

    Raises:
        ProtocolError: no labels, or a split without images.
    """
    table = images.table
    if not table.label_names:
        raise ProtocolError(f"{images.name} has no labels: ingest it with a table that has columns for them")
    shown = np.array([views == "all" or view != "lateral" for view in table.views], bool)
    by_split = {split: _of(table, split, shown) for split in ("train", "val", "test")}
    for split in ("train", "test"):
        if not len(by_split[split]):
            raise ProtocolError(
                f"{images.name}: no {'image' if views == 'all' else 'frontal image'} of {len(table)} is in the "
                f"{split} split; add patients, or a column `split` to a table of your own"
            )
    patients = {table.patients[row] for row in by_split["train"]}
    chosen = fraction_of(patients, fraction, seed)
    own = {table.patients[row] for row in by_split["val"]}
    carved = fraction_of(chosen, CARVED, seed + _CARVING) if len(own) < FEWEST_VALIDATION_PATIENTS else []
    if len(carved) < FEWEST_VALIDATION_PATIENTS:
        carved = []
    train = _whose(table, by_split["train"], set(chosen) - set(carved))
    validation = _whose(table, by_split["train"], set(carved))
    if len(own) >= FEWEST_VALIDATION_PATIENTS:
        validation = by_split["val"]
    left_out = int((~shown).sum())
    return ImageCohort(table, train, validation, by_split["test"], len(patients), left_out, bool(carved))


def _of(table: ImageTable, split: str, shown: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.array([row for row in table.where(split).tolist() if shown[row]], np.int64)


def _whose(table: ImageTable, rows: NDArray[np.int64], patients: set[str]) -> NDArray[np.int64]:
    return np.array([row for row in rows.tolist() if table.patients[row] in patients], np.int64)
