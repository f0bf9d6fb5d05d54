"""The test images that are scored together: those of a data set, or each of its published test sets on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.layouts.images.chexpert import OBSERVATIONS
from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.records.results import Comparison, Line, Row, Subgroup
from pcrl.evaluation.tasks.classification.details.calibration import calibration_rows
from pcrl.evaluation.tasks.classification.details.operating import Thresholds, operating_rows
from pcrl.evaluation.tasks.classification.details.precision import precision_rows
from pcrl.evaluation.tasks.classification.summary import (
    Scores,
    Tables,
    compare_first,
    lines_of,
    results_of,
    rows_of,
)
from pcrl.evaluation.tasks.task import Scored
from pcrl.listing import counted

AnyLabelled = TypeVar("AnyLabelled", Row, Comparison, Line)
ENDPOINTS = ("test", "valid")
"""CheXpert's published test sets; the first that there is gives the end point. `test` has 500 studies labelled by five
radiologists, `valid` 200 labelled by three (Irvin et al., arXiv 1901.07031)."""


@dataclass(frozen=True, slots=True)
class Part:
    """Test images that are scored together.

    Args:
        name: of a published test set; empty where there is one set alone.
        places: of its images among all test images.
        tables: of its images.
        suffix: what rows of it carry behind their label; empty of the end point.
    """

    name: str
    places: NDArray[np.int64]
    tables: Tables
    suffix: str = ""

    def scores(self, runs: Mapping[int, Scores]) -> dict[int, Scores]:
        """Of its images: seed → probabilities (n, labels)."""
        return {seed: scores[self.places] for seed, scores in runs.items()}

    def described(self) -> str:
        """How many images and patients it has."""
        tables = self.tables
        images, patients = counted(len(tables.images), "image"), counted(len(set(tables.patients)), "patient")
        return f"CheXpert's published {self.name} ({images} of {patients})"


def parts_of(
    table: ImageTable,
    rows: NDArray[np.int64],
    truth: NDArray[np.float32],
    scored: Sequence[str],
    own_labels: tuple[str, ...],
) -> tuple[Part, ...]:
    """The parts of a test set, the end point first.

    CheXpert's `valid` and `test` are apart, as published work scores them: images are named after the table that they
    are of.

    Args:
        rows: positions of the test images.
        truth: (n, labels) of the test images.
        scored: labels that are scored.
        own_labels: of the data set: CheXpert is known by its observations.
    """
    published = own_labels == OBSERVATIONS
    names = np.array([_set_of(table.names[row]) if published else "" for row in rows.tolist()])
    present = sorted(
        set(names.tolist()), key=lambda name: (ENDPOINTS.index(name) if name in ENDPOINTS else 9, name)
    )
    parts: list[Part] = []
    for name in present:
        places = np.flatnonzero(names == name)
        tables = Tables.of(table, rows[places], truth[places], scored)
        parts.append(Part(name, places, tables, f" ({name})" if parts else ""))
    return tuple(parts)


def notes_on(parts: Sequence[Part]) -> list[str]:
    """Which part gives the end point, where parts are published test sets."""
    first, *others = parts
    if not first.name:
        return []
    if not others:
        return [f"scored, and the end point: {first.described()}"]
    rest = "; ".join(f"{part.described()}, in rows marked{part.suffix}" for part in others)
    return [f"the end point is of {first.described()}; scored on its own, as well: {rest}"]


def scored_of(
    part: Part, scores: Mapping[str, Mapping[int, Scores]], thresholds: Mapping[str, Thresholds]
) -> Scored:
    """What the images of a part come to.

    Args:
        scores: arm → seed → probabilities (n, labels) of these images.
        thresholds: of each arm, chosen on validation images.
    """
    tables = part.tables
    results = {arm: results_of(runs, tables) for arm, runs in scores.items()}
    return Scored(
        rows={
            arm: [
                *rows_of(results[arm], tables),
                *precision_rows(runs, tables),
                *operating_rows(runs, thresholds[arm], tables),
                *calibration_rows(runs, results[arm]["images"], tables),
            ]
            for arm, runs in scores.items()
        },
        cases={arm: [] for arm in scores},
        comparisons=compare_first(results, tables),
        lines=lines_of(scores, tables),
    )


def together(scored: Sequence[Scored], parts: Sequence[Part], subgroups: Sequence[Subgroup]) -> Scored:
    """The scores of all parts as one record; labels say of which part they are, but for the end point's."""
    pairs = list(zip(scored, parts, strict=True))

    def named(records: Iterable[AnyLabelled], part: Part) -> list[AnyLabelled]:
        return [one.model_copy(update={"label": f"{one.label}{part.suffix}"}) for one in records]

    return Scored(
        rows={
            arm: [
                row.model_copy(update={"beside": bool(part.suffix)})
                for one, part in pairs
                for row in named(one.rows[arm], part)
            ]
            for arm in scored[0].rows
        },
        cases=scored[0].cases,
        comparisons=[
            each.model_copy(update={"beside": bool(part.suffix)})
            for one, part in pairs
            for each in named(one.comparisons, part)
        ],
        lines=[line for one, part in pairs for line in named(one.lines, part)],
        subgroups=subgroups,
    )


def _set_of(name: str) -> str:
    """The published set of an image of CheXpert."""
    first = name.partition("/")[0]
    return first if first in ENDPOINTS else "train"
