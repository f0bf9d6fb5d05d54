"""Scores that belong to all patients together, such as AUROC, Brier score or CPM: of seeds, with pseudo-values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.inference import estimate
from pcrl.evaluation.statistics.inference.crossed import Values
from pcrl.evaluation.statistics.inference.estimate import UNIT, Estimate, Range

FEWEST_OF_A_SIDE = 10
"""With fewer patients with a finding, or without it, no interval of a score of their order covers."""
FEWEST_TO_TEST_OF_A_SIDE = 5
FEWEST_WRONG = 1.0
"""Patients of the smaller side that are ranked wrongly: with fewer, nothing says how often others would be."""


@dataclass(frozen=True, slots=True)
class SharedScores:
    """Scores of one arm.

    Args:
        by_seed: (seeds, columns), NaN where undefined; a column is a label, say.
        values: pseudo-values, (seeds, patients, columns); NaN where a score is undefined without the patient.
        sides: of scores of an order how many patients are on either side of it, such as with and without a finding,
            (columns, 2); none for other scores.
        named: what the patients of either side are, in words that follow `patients`.
    """

    by_seed: Values
    values: Values
    sides: NDArray[Any] | None = None
    named: tuple[str, str] = ("with the finding", "without")

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Which columns have a score, (columns,)."""
        return np.asarray(~np.isnan(self.by_seed).any(axis=0), np.bool_)

    def mean(self) -> Self:
        """The mean over the columns that are defined, as the only column."""
        chosen = self.defined
        if not chosen.any():
            return type(self)(self.by_seed[:, :1] * np.nan, self.values[:, :, :1] * np.nan, None)
        return type(self)(
            self.by_seed[:, chosen].mean(axis=1, keepdims=True),
            self.values[:, :, chosen].mean(axis=2, keepdims=True),
            None if self.sides is None else self.sides[chosen].mean(axis=0, keepdims=True),
            self.named,
        )

    def score(self, column: int, limits: Range = UNIT) -> Estimate | None:
        """With its interval, cut to `limits`; None where it is undefined."""
        if not self.defined[column]:
            return None
        by_seed, values = self.by_seed[:, column], self.values[:, :, column]
        return estimate.score(by_seed, values, limits, self._refused(column, float(by_seed.mean())))

    def difference(self, other: Self, column: int) -> Estimate | None:
        """This arm − another of the same patients and seeds; None where one is undefined."""
        if not (self.defined[column] and other.defined[column]):
            return None
        ones, others = self.by_seed[:, column], other.by_seed[:, column]
        gaps = self.values[:, :, column] - other.values[:, :, column]
        return estimate.difference(
            ones - others,
            gaps,
            refused=self._refused(column, float(max(ones.mean(), others.mean()))),
            untested=self._too_few(column, FEWEST_TO_TEST_OF_A_SIDE),
        )

    def _refused(self, column: int, best: float) -> str:
        if too_few := self._too_few(column, FEWEST_OF_A_SIDE):
            return too_few
        if self.sides is not None and (1 - best) * self.sides[column].min() < FEWEST_WRONG:
            return "too few are ranked wrongly to say how often that happens"
        return ""

    def _too_few(self, column: int, fewest: int) -> str:
        if self.sides is not None and self.sides[column].min() < fewest:
            with_it, without = self.sides[column]
            average = "on average " if with_it % 1 or without % 1 else ""
            return (
                f"{average}{with_it:.3g} patients {self.named[0]}, {without:.3g} {self.named[1]}: fewer than "
                f"{fewest} of a side"
            )
        if np.isnan(self.values[:, :, column]).any():
            return "undefined without one of the patients"
        return ""
