"""Labels without images on one side or the other: they cannot be scored, or learnt, or have no threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.tasks.classification.subsets.parts import Part
from pcrl.evaluation.tasks.classification.summary import Tables

Truth = NDArray[np.float32]
"""(n, labels): 1, 0, or NaN where an image does not count for a label."""


def unscored(part: Part) -> list[str]:
    """Scored labels without positives, or without negatives, among the test images of a part."""
    truth, tables, notes = part.tables.truth, part.tables, []
    among = f"test images of {part.name}" if part.suffix else "test images"
    for what, value in (("positives", 1), ("negatives", 0)):
        none = [tables.names[c] for c in tables.columns if not (truth[:, c] == value).any()]
        if none:
            notes.append(
                f"no {what} among the {among}, so that the AUROC is undefined and not part of the mean: "
                f"{', '.join(none)}"
            )
    return notes


def unlearnt(training: Sequence[Truth], tables: Tables) -> Iterator[str]:
    """Labels without positives among the training images; of several trainings, in one of them."""
    none = [name for column, name in enumerate(tables.names) if _without(1, training, column)]
    if none:
        yield f"no positive among the training images, so that it cannot be learnt: {', '.join(none)}"


def without_threshold(validation: Sequence[Truth], tables: Tables) -> Iterator[str]:
    """Scored labels for which validation images choose no threshold; of several trainings, in one of them."""
    none = [
        name
        for column, name in zip(tables.columns, tables.scored, strict=True)
        if _without(1, validation, column) or _without(0, validation, column)
    ]
    if none:
        yield (
            "validation images without positives or negatives, and so without a threshold to score at: "
            f"{', '.join(none)}"
        )


def _without(value: int, sides: Iterable[Truth], column: int) -> bool:
    return any(not (truth[:, column] == value).any() for truth in sides)
