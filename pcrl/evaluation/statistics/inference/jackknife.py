"""What each patient contributes to a score of all patients together: its pseudo-value, by leaving the patient out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pcrl.evaluation.statistics.inference.crossed import Values
from pcrl.evaluation.statistics.roc import Scores, Truth, scored


def pseudo_values(whole: Values, deleted: Values) -> Values:
    """n · whole − (n − 1) · deleted (Tukey 1958): of a mean, the patients' own values.

    Args:
        whole: score of all patients, (…,).
        deleted: score without each patient, (patients, …).
    """
    count = len(deleted)
    return np.asarray(count * whole - (count - 1) * deleted, np.float64)


def deleted_means(values: Values, patient_index: NDArray[np.int64], patients: int) -> Values:
    """Mean of values (n,) without each patient's, (patients,); NaN where nothing is left. NaN do not count."""
    known = ~np.isnan(values)
    sums = np.bincount(patient_index[known], values[known], minlength=patients)
    counts = np.bincount(patient_index[known], minlength=patients)
    return _ratio(sums.sum() - sums, counts.sum() - counts)


def deleted_aurocs(scores: Scores, truth: Truth, patient_index: NDArray[np.int64], patients: int) -> Values:
    """AUROC without each patient, with all its images, (patients,); NaN where no positive or no negative is left.

    Of all pairs of a positive and a negative those are taken away in which the patient has a part.

    Args:
        scores, truth: (n,), truth NaN where an image does not count.
        patient_index: (n,), from 0 on.

    Raises:
        ValueError: as `scored`.
    """
    known = scored(scores, truth)
    values, owner, positive = scores[known], patient_index[known], truth[known] > 0.5
    ranks = rankdata(values)
    wins = np.empty(len(values))
    # Negatives below each positive, and positives above each negative, ties counting half.
    wins[positive] = ranks[positive] - rankdata(values[positive])
    wins[~positive] = np.count_nonzero(positive) - (ranks[~positive] - rankdata(values[~positive]))
    own_positives = np.bincount(owner[positive], minlength=patients)
    own_negatives = np.bincount(owner[~positive], minlength=patients)
    taken = np.bincount(owner, wins, minlength=patients)
    for patient in np.flatnonzero(own_positives * own_negatives):
        # Pairs within the patient were taken away twice.
        mine = owner == patient
        high, low = values[mine & positive][:, None], values[mine & ~positive][None]
        taken[patient] -= np.count_nonzero(high > low) + np.count_nonzero(high == low) / 2
    pairs = (own_positives.sum() - own_positives) * (own_negatives.sum() - own_negatives)
    return _ratio(wins[positive].sum() - taken, pairs)


def _ratio(above: NDArray[np.generic], below: NDArray[np.generic]) -> Values:
    result = np.full(len(below), np.nan)
    np.divide(above, below, out=result, where=np.asarray(below) > 0)
    return result
