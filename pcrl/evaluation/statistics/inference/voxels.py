"""Dice of all voxels of all test cases together, with what each patient contributes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.inference.jackknife import pseudo_values
from pcrl.evaluation.statistics.inference.shared import SharedScores


@dataclass(frozen=True, slots=True)
class Voxels:
    """Of one seed: voxels in truth and prediction of each case, and of both added up, (cases, regions).

    Args:
        patients: whose each case is.
    """

    patients: Sequence[str]
    common: NDArray[np.int64]
    total: NDArray[np.int64]

    def by_patient(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Both added up for each patient, (patients, regions), patients in the order of their names."""
        names, places = np.unique(np.asarray(self.patients), return_inverse=True)
        sums = []
        for counts in (self.common, self.total):
            added = np.zeros((len(names), counts.shape[1]), np.int64)
            np.add.at(added, places, counts)
            sums.append(added)
        return sums[0], sums[1]


def shared_overlaps(of_seeds: Sequence[Voxels]) -> SharedScores:
    """Dice of all voxels, a column for each region; NaN where truth and prediction are empty in all cases."""
    whole, values = [], []
    for voxels in of_seeds:
        common, total = voxels.by_patient()
        score = _dice(common.sum(axis=0), total.sum(axis=0))
        whole.append(score)
        values.append(pseudo_values(score, _dice(common.sum(axis=0) - common, total.sum(axis=0) - total)))
    return SharedScores(np.array(whole), np.array(values))


def _dice(common: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.full(common.shape, np.nan)
    np.divide(2 * common, total, out=result, where=total > 0)
    return result
