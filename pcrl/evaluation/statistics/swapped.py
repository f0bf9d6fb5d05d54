"""Two arms compared by a metric that belongs to all patients together, such as an AUROC or a CPM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Comparison
from pcrl.evaluation.statistics.bootstrap import Resamples, difference
from pcrl.evaluation.statistics.paired import swap


@dataclass(frozen=True, slots=True)
class ExchangeableMetric:
    """A metric of two arms, whose scores can be exchanged patient by patient.

    Args:
        metric: called with 0 or 1 and a mask (patients,): the metric of the first, or the second arm, with the scores
            of the masked patients exchanged between the arms; NaN where it is not defined.
        patients: how many there are.
    """

    metric: Callable[[int, NDArray[np.bool_]], float]
    patients: int

    def difference(self) -> float:
        """First arm − second arm, as they are."""
        unswapped = np.zeros(self.patients, bool)
        return self.metric(0, unswapped) - self.metric(1, unswapped)


def compare(
    arms: tuple[str, str],
    named: tuple[str, str],
    exchangeable: ExchangeableMetric,
    resamples: tuple[Resamples | None, Resamples | None],
) -> Comparison | None:
    """The difference of two arms: interval over the same resamples, p by swapping within patients; None if undefined.

    Args:
        arms: names of the first and the second.
        named: label and metric.
        resamples: of the first arm and the second.
    """
    observed = exchangeable.difference()
    if np.isnan(observed):
        return None
    first, second = resamples
    return Comparison(
        label=named[0],
        metric=named[1],
        arm=arms[0],
        minus=arms[1],
        difference=observed,
        interval=difference(first, second) if first and second else None,
        p=swap(exchangeable.metric, exchangeable.patients),
        patients=exchangeable.patients,
    )
