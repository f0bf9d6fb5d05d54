"""From images to studies: the score of a study is the mean over its views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.roc import Scores, Truth


@dataclass(frozen=True, slots=True)
class Studies:
    """Scores and truth, (studies, labels), and whose each study is; in the order of first appearance."""

    names: list[str]
    patients: list[str]
    scores: NDArray[np.float64]
    truth: NDArray[np.float64]


def by_study(scores: Scores, truth: Truth, studies: Sequence[str], patients: Sequence[str]) -> Studies:
    """Group images by study.

    Args:
        scores: (n, labels); those of a study are averaged.
        truth: (n, labels); a study is positive if one of its images is, negative if one is and none positive, and
            does not count (NaN) if none of its images does.

    Raises:
        ValueError: a study of two patients.
    """
    places: dict[str, int] = {}
    where = np.array([places.setdefault(study, len(places)) for study in studies], np.int64)
    owners: dict[str, str] = {}
    for study, patient in zip(studies, patients, strict=True):
        if owners.setdefault(study, patient) != patient:
            raise ValueError(
                f"study {study} is of two patients, {owners[study]} and {patient}: "
                "put the patient before the study's name, as in patient/study"
            )
    count = np.bincount(where, minlength=len(places))[:, None]
    summed = np.zeros((len(places), scores.shape[1]))
    np.add.at(summed, where, scores)
    highest = np.full(summed.shape, -np.inf)
    np.maximum.at(highest, where, np.where(np.isnan(truth), -np.inf, truth))
    return Studies(
        list(places),
        [owners[study] for study in places],
        summed / np.maximum(count, 1),
        np.where(np.isinf(highest), np.nan, highest),
    )
