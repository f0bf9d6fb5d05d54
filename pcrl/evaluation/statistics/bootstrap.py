"""Confidence intervals of AUROCs: a percentile bootstrap over patients, each with all its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Interval
from pcrl.evaluation.statistics.roc import Scores, Truth, scored

RESAMPLES = 1000
FEWEST_PATIENTS = 10
"""With fewer patients a bootstrap interval is too narrow, and none is given."""
_BLOCK = 64
"""Resamples that are computed together: each takes 8 · images bytes."""


@dataclass(frozen=True, slots=True)
class Resamples:
    """Scores of bootstrap samples.

    Args:
        labels: (resamples, labels), NaN where a resample has no positive or no negative of a label.
    """

    labels: NDArray[np.float64]

    def intervals(self) -> list[Interval | None]:
        """2.5 to 97.5 % of each label, over the resamples in which it is defined; None if it never is."""
        return [interval_of(column) for column in self.labels.T]

    def left_out(self) -> list[int]:
        """How many resamples each label is not defined in; its interval is without them."""
        return [int(count) for count in np.isnan(self.labels).sum(axis=0)]

    def means(self) -> NDArray[np.float64]:
        """Mean over the labels that are defined, of each resample, (resamples,)."""
        known = ~np.isnan(self.labels)
        count = known.sum(axis=1)
        total = np.where(known, self.labels, 0.0).sum(axis=1)
        means = np.full(len(count), np.nan)
        np.divide(total, count, out=means, where=count > 0)
        return means

    def mean_interval(self) -> Interval | None:
        """2.5 to 97.5 % of the mean over labels."""
        return interval_of(self.means())


def resample(
    scores: Scores, truth: Truth, patients: Sequence[str], seed: int = 0, resamples: int = RESAMPLES
) -> Resamples | None:
    """Draw patients with replacement and take the AUROCs anew; None if there are too few patients.

    With the same seed and patients every call draws the same, so that arms can be compared resample by resample.

    Args:
        scores: (n, labels).
        truth: (n, labels), NaN where an image does not count for a label.
        patients: whose image each row is; one that is drawn twice counts twice, with all images.

    Raises:
        ValueError: as `scored`; or there is not one patient for each row.
    """
    if len(patients) != len(scores):
        raise ValueError(
            f"{len(scores)} rows of scores, but {len(patients)} patients: expected one for each row"
        )
    names, patient_index = np.unique(np.asarray(patients), return_inverse=True)
    if len(names) < FEWEST_PATIENTS:
        return None
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(names)]))
    result = np.empty((resamples, truth.shape[1]))
    prepared = [_Label(scores[:, n], truth[:, n], patient_index) for n in range(truth.shape[1])]
    for start in range(0, resamples, _BLOCK):
        stop = min(start + _BLOCK, resamples)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=stop - start)
        for number, label in enumerate(prepared):
            result[start:stop, number] = label.auroc(drawn)
    return Resamples(result)


def average(parts: Sequence[Resamples | None]) -> Resamples | None:
    """The mean over runs (of several seeds), resample by resample; None where none was resampled."""
    drawn = [part.labels for part in parts if part is not None]
    return Resamples(np.mean(drawn, axis=0)) if drawn else None


def difference(first: Resamples, second: Resamples) -> Interval | None:
    """Interval of the difference of the mean AUROCs of two arms, over the same resamples."""
    return interval_of(first.means() - second.means())


class _Label:
    """One label's images in the order of their scores, so that a resample needs no sorting."""

    def __init__(self, scores: Scores, truth: Truth, patient_index: NDArray[np.int64]) -> None:
        known = np.flatnonzero(scored(scores, truth))
        order = known[np.argsort(scores[known], kind="stable")]
        ordered = scores[order]
        self.patient_index, self.positive = patient_index[order], truth[order] > 0.5
        # First image of each run of equal scores.
        self.starts = np.flatnonzero(np.r_[True, np.diff(ordered) != 0][: len(order)])

    def auroc(self, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        """AUROC with each image counted as often as its patient was drawn: (resamples, patients) to (resamples,)."""
        if not len(self.starts):
            return np.full(len(drawn), np.nan)
        counts = drawn[:, self.patient_index].astype(np.float64)
        positives = np.add.reduceat(counts * self.positive, self.starts, axis=1)
        negatives = np.add.reduceat(counts * ~self.positive, self.starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives
        wins = (positives * (below + negatives / 2)).sum(axis=1)
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        areas = np.full(len(drawn), np.nan)
        np.divide(wins, pairs, out=areas, where=pairs > 0)
        return areas


def interval_of(values: NDArray[np.float64]) -> Interval | None:
    """2.5 to 97.5 % of the values that are defined; None if none is."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    low, high = np.percentile(defined, (2.5, 97.5))
    return float(low), float(high)
