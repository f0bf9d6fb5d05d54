"""Which tested scans look like scans that were seen, more than different people look like each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.evaluation.leak.alike import alike
from pcrl.evaluation.leak.nearest import Neighbours

FLOOR = 0.75
"""Less alike than this, no two scans are taken for copies, wherever they are from."""
MARGIN = 1 / 3
"""Of what is missing to 1 in the likeness of different patients of one cache, a copy is at least so much above it."""
TWIN = 0.9
"""Scans of two patients of one cache that are more alike than this, and than all others are, are taken for copies."""
_COUNT = 3
_SAMPLE = {2: 300, 3: 40}
"""Scans whose nearest others in their cache are compared with them."""
_ENOUGH, _DEVIATIONS = 20, 6.0
"""Scans from which it can be said how alike others are, and robust deviations that are beyond all of them."""
Closer = Callable[[str], NDArray[np.uint8] | None]
"""Finer thumbnails of the channels of a scan by its name, if its voxels are at hand."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two scans that look alike, by name; `likeness` is from 0 to 1."""

    tested: str
    seen: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Near:
    """What looks alike.

    Args:
        matches: tested scans that are taken for copies, the most alike first.
        others: the most that different patients of what was seen are alike; 0 if nothing had to be compared with it.
        twins: scans of two patients of what was seen that are taken for copies of each other.
    """

    matches: tuple[Match, ...] = ()
    others: float = 0.0
    twins: tuple[Match, ...] = ()


def threshold(others: float) -> float:
    """Above which likeness a scan is taken for a copy, where different patients are so alike."""
    return max(FLOOR, others + MARGIN * (1 - others))


def near(seen: Fingerprints, tested: Fingerprints, closer: Closer) -> Near:
    """Compare tested scans with those seen, in whichever orientation, cut and padded.

    Args:
        closer: where two scans look alike and the voxels of both are at hand, they are compared once more.
    """
    if not len(seen.thumbnails) or seen.thumbnails.shape[1:] != tested.thumbnails.shape[1:]:
        return Near()
    neighbours = Neighbours(seen.thumbnails)
    asked, found = neighbours.nearest(tested.thumbnails, _COUNT)
    likeness = alike(tested.thumbnails[asked], seen.thumbnails[found])
    best = _best(likeness, tested.thumbnail_of[asked], seen.thumbnail_of[found])
    close = {pair: value for pair, value in best.items() if value > FLOOR}
    if not close:
        return Near()
    others, twins = _others(seen, neighbours, closer)
    matches = [
        Match(tested.names[one], seen.names[other], value)
        for (one, other), value in sorted(close.items(), key=lambda item: -item[1])
        if value > threshold(others)
    ]
    return Near(tuple(match for match in matches if _confirmed(match, closer)), others, tuple(twins))


def _confirmed(match: Match, closer: Closer) -> bool:
    one, other = closer(match.tested), closer(match.seen)
    if one is None or other is None:
        return True
    pairs = list(product(one, other))
    found = alike(np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs]))
    return bool(found.max() > FLOOR)


def _others(seen: Fingerprints, neighbours: Neighbours, closer: Closer) -> tuple[float, list[Match]]:
    """The most that scans of different patients are alike, and those that look like copies in spite of that."""
    sample = _SAMPLE[seen.thumbnails.ndim - 1]
    rows = np.unique(np.linspace(0, len(seen.thumbnails) - 1, min(sample, len(seen.thumbnails))).astype(int))
    asked, found = neighbours.nearest(seen.thumbnails[rows], 2 * _COUNT)
    scans, others = seen.thumbnail_of[rows[asked]], seen.thumbnail_of[found]
    patients = np.array(seen.patients)
    kept = np.flatnonzero(patients[scans] != patients[others])
    if not len(kept):
        return 0.0, []
    likeness = alike(seen.thumbnails[rows[asked[kept]]], seen.thumbnails[found[kept]])
    best = _best(likeness, scans[kept], others[kept])
    nearest = [max(value for pair, value in best.items() if pair[0] == scan) for scan in {a for a, _ in best}]
    bound = max(TWIN, _beyond(np.array(nearest)))
    alone = {(min(pair), max(pair)): value for pair, value in best.items()}
    pairs = [Match(seen.names[a], seen.names[b], value) for (a, b), value in alone.items()]
    twins = [pair for pair in pairs if pair.likeness > bound and _confirmed(pair, closer)]
    return max((pair.likeness for pair in pairs if pair not in twins), default=0.0), twins


def _beyond(likeness: NDArray[np.float64]) -> float:
    """What is more than all of these should be, but for a minority of outliers; 0 if they are too few to say."""
    if len(likeness) < _ENOUGH:
        return 0.0
    values = np.arctanh(np.minimum(likeness, 1 - 1e-6))
    middle = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - middle)))
    return math.tanh(middle + _DEVIATIONS * deviation)


def _best(
    likeness: NDArray[np.float32], ones: NDArray[np.int64], others: NDArray[np.int64]
) -> dict[tuple[int, int], float]:
    """Pairs of scans with the best likeness of their channels."""
    best: dict[tuple[int, int], float] = {}
    for value, one, other in zip(likeness.tolist(), ones.tolist(), others.tolist(), strict=True):
        best[one, other] = max(value, best.get((one, other), 0.0))
    return best
