"""Which pictures of segmented cases a report shows, and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from pcrl.evaluation.records.results import Picture
from pcrl.evaluation.statistics.patients import MEAN, Measured

Rank = Literal["best", "median", "worst"]


def overlay_file(case: str, arm: str, replicate: str) -> str:
    """Where the picture of a case is, relative to the evaluation's folder."""
    return f"overlays/{case}-{arm}-{replicate}.png"


def extremes(measured: Mapping[str, Sequence[Measured]], labels: Sequence[str], metric: str) -> list[Picture]:
    """The best, the median and the worst case of every arm, in the trainings of the first seed.

    By the mean over labels of a metric; higher is better.
    """
    pictures = []
    for arm, cases in measured.items():
        first = cases[0].replicate.seed
        values = [
            (float(np.nanmean(one.values[metric])), one)
            for one in cases
            if one.replicate.seed == first and not np.isnan(one.values[metric]).all()
        ]
        values.sort(key=lambda pair: (-pair[0], pair[1].case))
        if not values:
            continue
        # With one or two cases none is shown twice.
        ranked: dict[int, Rank] = {len(values) // 2: "median"}
        ranked[len(values) - 1] = "worst"
        ranked[0] = "best"
        for number in sorted(ranked):
            value, one = values[number]
            label = MEAN if len(one.values[metric]) > 1 else labels[0]
            file = overlay_file(one.case, arm, str(one.replicate))
            pictures.append(
                Picture(
                    arm=arm, label=label, rank=ranked[number], case=one.case, metric=metric, value=value, file=file
                )
            )  # fmt: skip
    return pictures
