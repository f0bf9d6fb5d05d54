"""LUNA16's candidates: where they are in the cache, which of them are nodules, and which nodules there are at all.

What hits what is decided as in LUNA16's evaluation (noduleCADEvaluationLUNA16.py): a candidate hits an annotation if it
is less than half the annotation's diameter away from its centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.case import LayoutError
from pcrl.datasets.layouts.volumes.luna import ANNOTATIONS, CANDIDATES, EXCLUDED, FIRST_CANDIDATES
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.evaluation.tasks.candidates.points import Points, read_points

UNKNOWN_DIAMETER = 10.0
"""mm, for excluded annotations of diameter −1 (LUNA16's evaluation)."""


@dataclass(frozen=True, slots=True)
class Nodules:
    """All annotations of the scans, also those that no candidate hits.

    Args:
        case: (k,) int64, number of the case in the data set.
        centre: (k, 3) float64, (z, y, x) in voxels of the cache.
        diameter: (k,) float64, mm.
    """

    case: NDArray[np.int64]
    centre: NDArray[np.float64]
    diameter: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.case)


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidates of the scans, each once, in the order of their table.

    Args:
        line: (n,) int64, line of the table: the same whichever scans are in the cache.
        case: (n,) int64, number of the case in the data set.
        centre: (n, 3) float64, (z, y, x) in voxels of the cache.
        label: (n,) bool, nodule or not, as the table says.
        nodule: (n,) int64, the nearest nodule that is hit, −1 for none.
        excluded: (n,) bool, hits no nodule but an excluded annotation.
        hits: (m, 2) int64, candidate and nodule of every hit; a candidate may hit two nodules.
        notes: what a user should be told: what was left out, and what does not fit together.
    """

    line: NDArray[np.int64]
    case: NDArray[np.int64]
    centre: NDArray[np.float64]
    label: NDArray[np.bool_]
    nodule: NDArray[np.int64]
    excluded: NDArray[np.bool_]
    hits: NDArray[np.int64]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.case)

    def rows_in(self, cases: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of the candidates of these cases."""
        return np.flatnonzero(np.isin(self.case, np.asarray(cases)))


def read_candidates(dataset: CachedDataset) -> tuple[Candidates, Nodules]:
    """The candidates and the nodules of a data set's cases, out of the tables in the cache.

    Raises:
        LayoutError: a table is missing or damaged; names file, line and column.
    """
    tables = dataset.tables
    cases = {case.name: number for number, case in enumerate(dataset.cases)}
    name = CANDIDATES if CANDIDATES in tables else FIRST_CANDIDATES
    for needed in (name, ANNOTATIONS):
        if needed not in tables:
            raise LayoutError(
                f"{dataset.folder / 'tables'} holds no {CANDIDATES if needed == name else needed}, but "
                f"{', '.join(tables) or 'nothing'}: put it beside the scans and run `pcrl ingest` again"
            )
    read = read_points(tables[name], cases, "class")
    points, notes = _once(read, tables[name]), []
    if repeated := len(read.line) - len(points.line):
        notes.append(f"{repeated} candidates are listed twice in {name}, and count once")
    if points.absent:
        notes.append(f"not used, as the scan is not in the cache: {points.absent_in_words('candidate')}")
    annotated = read_points(tables[ANNOTATIONS], cases, "diameter_mm")
    if annotated.absent:
        notes.append(f"not used, as the scan is not in the cache: {annotated.absent_in_words('nodule')}")
    hits, distance = _hits(points, annotated)
    nodule = np.full(len(points.case), -1, np.int64)
    # The nearest is written last.
    nearest_last = hits[np.argsort(-distance, kind="stable")]
    nodule[nearest_last[:, 0]] = nearest_last[:, 1]
    excluded = np.zeros(len(points.case), np.bool_)
    if EXCLUDED in tables:
        others, _ = _hits(points, read_points(tables[EXCLUDED], cases, "diameter_mm"))
        excluded[others[:, 0]] = True
        excluded &= nodule < 0
    else:
        notes.append(
            f"no {EXCLUDED} in the cache: findings that readers disagreed on count as false positives"
        )
    candidates = Candidates(
        points.line,
        points.case,
        _voxels(points, dataset.cases),
        points.value == 1,
        nodule,
        excluded,
        hits,
        (),
    )
    notes += _contradictions(candidates, name, dataset.cases)
    nodules = Nodules(annotated.case, _voxels(annotated, dataset.cases), annotated.value)
    return replace(candidates, notes=tuple(notes)), nodules


def _once(points: Points, path: Path) -> Points:
    """Each candidate once; the first line counts. Raises if a class is neither 0 nor 1, or two lines disagree."""
    if len(wrong := np.flatnonzero(~np.isin(points.value, (0, 1)))):
        raise LayoutError(
            f"{path}, line {points.line[wrong[0]]}, column class: found {points.value[wrong[0]]:g}, expected 0 or 1"
        )
    keys = np.column_stack([points.case, points.position])
    # Stable, so that of equal ones the first line comes first.
    order = np.lexsort(keys.T)
    fresh = np.r_[True, (keys[order[1:]] != keys[order[:-1]]).any(axis=1)][: len(order)]
    original = np.empty(len(order), np.int64)
    original[order] = order[fresh][np.cumsum(fresh) - 1]
    if len(other := np.flatnonzero(points.value != points.value[original])):
        raise LayoutError(
            f"{path}, line {points.line[other[0]]}, column class: the same candidate is of the other class in line "
            f"{points.line[original[other[0]]]}; remove one of the lines"
        )
    kept = np.flatnonzero(original == np.arange(len(original)))
    return Points(
        points.line[kept], points.case[kept], points.position[kept], points.value[kept], points.absent
    )


def _hits(points: Points, annotated: Points) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of point and annotation, (m, 2), and their squared distances in mm², (m,)."""
    diameter = np.where(annotated.value < 0, UNKNOWN_DIAMETER, annotated.value)
    pairs, distances = [np.empty((0, 2), np.int64)], [np.empty(0)]
    # Sorted by scan, the points of a scan are one slice.
    order = np.argsort(points.case, kind="stable")
    starts = np.searchsorted(points.case[order], annotated.case, "left")
    stops = np.searchsorted(points.case[order], annotated.case, "right")
    for number, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        here = order[start:stop]
        z, y, x = (annotated.position[number] - points.position[here]).T
        squared = x * x + y * y + z * z
        hit = squared < (diameter[number] / 2) ** 2
        pairs.append(np.column_stack([here[hit], np.full(int(hit.sum()), number)]))
        distances.append(squared[hit])
    return np.concatenate(pairs), np.concatenate(distances)


def _voxels(points: Points, cases: Sequence[CachedCase]) -> NDArray[np.float64]:
    """Positions on the grids of the cache, (n, 3) in voxels."""
    centre = np.empty_like(points.position)
    order = np.argsort(points.case, kind="stable")
    numbers, starts = np.unique(points.case[order], return_index=True)
    for number, here in zip(numbers.tolist(), np.split(order, starts[1:]), strict=False):
        centre[here] = cases[number].record.grid.indices(points.position[here])
    return centre


def _contradictions(candidates: Candidates, name: str, cases: Sequence[CachedCase]) -> list[str]:
    hit, label = candidates.nodule >= 0, candidates.label
    shapes = np.array([case.record.grid.shape for case in cases]).reshape(-1, 3)[candidates.case]
    outside = (candidates.centre < -0.5) | (candidates.centre > shapes - 0.5)
    counts = {
        f"candidates of class 1 in {name} hit no nodule of {ANNOTATIONS}": int((label & ~hit).sum()),
        f"candidates of class 0 in {name} hit a nodule of {ANNOTATIONS}": int((~label & hit).sum()),
        "candidates lie outside their scan: check that it is the right scan": int(outside.any(axis=1).sum()),
    }
    return [f"{count} {words}" for words, count in counts.items() if count]
