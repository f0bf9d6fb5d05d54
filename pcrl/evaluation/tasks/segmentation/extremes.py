"""Which cases a report shows: the best, the median and the worst of every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from pcrl.evaluation.records.results import Picture
from pcrl.evaluation.statistics.patients import MEAN, Measured
from pcrl.evaluation.tasks.segmentation.overlay import overlay_file

Rank = Literal["best", "median", "worst"]


def extremes(measured: Mapping[str, Sequence[Measured]], labels: Sequence[str], metric: str) -> list[Picture]:
    """Of every arm, by the mean over labels of a metric (higher is better), in the trainings of the first seed."""
    pictures = []
    for arm, found in measured.items():
        first = found[0].place.seed
        values = [(float(np.nanmean(one.values[metric])), one) for one in found if one.place.seed == first]
        values = [(value, one) for value, one in values if not np.isnan(value)]
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
            file = overlay_file(one.case, arm, str(one.place))
            pictures.append(
                Picture(
                    arm=arm, label=label, rank=ranked[number], case=one.case, metric=metric, value=value, file=file
                )
            )  # fmt: skip
    return pictures
