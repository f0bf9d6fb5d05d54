"""From scored candidates to what counts for FROC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.froc import Detections
from pcrl.evaluation.tasks.candidates.candidates import Candidates, Nodules


def detections(
    scores: NDArray[np.floating[Any]],
    rows: NDArray[np.int64],
    candidates: Candidates,
    nodules: Nodules,
    scans: Sequence[int],
) -> Detections:
    """What counts of the candidates `rows` with their scores.

    Args:
        scores: (n,), higher is more like a nodule.
        rows: (n,) positions in `candidates`.
        scans: numbers of all cases that are scored, also of those without candidates.

    Raises:
        ValueError: a score is not finite; a row is there twice, or of a case that is not in `scans`; there is not one
            score for each row.
    """
    if len(scores) != len(rows):
        raise ValueError(f"{len(scores)} scores, but {len(rows)} candidates: expected one for each")
    if wrong := int(np.count_nonzero(~np.isfinite(scores))):
        raise ValueError(f"{wrong} of {len(scores)} scores are not finite and cannot be ranked")
    if len(np.unique(rows)) != len(rows) or len(set(scans)) != len(scans):
        raise ValueError("a candidate or a scan is given twice, and would count twice")
    number = np.full(max([*scans, *candidates.case.tolist(), *nodules.case.tolist()], default=-1) + 1, -1)
    number[list(scans)] = np.arange(len(scans))
    if len(other := np.flatnonzero(number[candidates.case[rows]] < 0)):
        raise ValueError(f"candidate {rows[other[0]]} is of a case that is not among the scans")
    place = np.full(len(candidates), -1)
    place[rows] = np.arange(len(rows))
    scored = candidates.hits[place[candidates.hits[:, 0]] >= 0]
    best = np.full(len(nodules), -np.inf)
    np.maximum.at(best, scored[:, 1], scores[place[scored[:, 0]]].astype(np.float64))
    false = (candidates.nodule[rows] < 0) & ~candidates.excluded[rows]
    here = number[nodules.case] >= 0
    return Detections(
        len(scans),
        scores[false].astype(np.float64),
        number[candidates.case[rows[false]]],
        best[here],
        number[nodules.case[here]],
    )
