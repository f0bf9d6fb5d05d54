"""Pictures of segmented cases, image, truth and prediction; and which of them a report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.evaluation.records.results import Picture
from pcrl.evaluation.statistics.patients import MEAN, Measured
from pcrl.evaluation.tasks.segmentation.inference import onto

COLOURS = ("#e69f00", "#56b4e9", "#f0e442", "#009e73", "#cc79a7", "#d55e00", "#0072b2")
"""Of the regions; distinguishable for the colour-blind (Okabe and Ito)."""
_LEGEND = 7
Masks = Sequence[NDArray[np.bool_]]
Rank = Literal["best", "median", "worst"]


def overlay_file(case: str, arm: str, replicate: str) -> str:
    """Where the picture of a case is, relative to the evaluation's folder."""
    return f"overlays/{case}-{arm}-{replicate}.png"


def save_overlay(
    path: Path, case: CachedCase, truth: Masks, predicted: Masks, names: Sequence[str], title: str
) -> None:
    """Write the slice with the most truth: plain, with the true outlines, with the predicted ones.

    Args:
        truth, predicted: a mask (z, y, x) for each region, on the label's grid.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    intensity = case.record.intensities[0]
    grid = case.label_record.grid
    area = np.sum([mask.sum(axis=(1, 2)) for mask in truth], axis=0)
    if not area.any():
        area = np.sum([mask.sum(axis=(1, 2)) for mask in predicted], axis=0)
    z = int(np.argmax(area)) if area.any() else grid.shape[0] // 2
    stored = case.voxels.read()[0].astype(np.float32)
    image = onto(stored * intensity.slope + intensity.intercept, case.record.grid, grid)[z]
    low, high = (-160.0, 240.0) if case.record.modality == "ct" else np.percentile(image, (1, 99))
    figure = Figure(figsize=(10.5, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(1, 3)
    shown: list[tuple[str, Masks]] = [("image", ()), ("truth", truth), ("prediction", predicted)]
    for axis, (name, masks) in zip(axes, shown, strict=True):
        axis.imshow(image, cmap="gray", vmin=low, vmax=high, aspect=grid.spacing[1] / grid.spacing[2])
        for number, mask in enumerate(masks):
            if mask[z].any():
                axis.contour(mask[z], [0.5], colors=COLOURS[number % len(COLOURS)], linewidths=1.2)
        axis.set_title(name)
        axis.set_axis_off()
    if 1 < len(names) <= _LEGEND:
        lines = [Line2D([], [], color=colour) for colour in COLOURS[: len(names)]]
        axes[2].legend(lines, names, loc="lower right", fontsize=7, framealpha=0.6)
    figure.suptitle(f"{title}, slice {z}", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def extremes(measured: Mapping[str, Sequence[Measured]], labels: Sequence[str], metric: str) -> list[Picture]:
    """The best, the median and the worst case of every arm, in the trainings of the first seed.

    By the mean over labels of a metric; higher is better.
    """
    pictures = []
    for arm, cases in measured.items():
        first = cases[0].replicate.seed
        values = [
            (float(np.nanmean(one.values[metric])), one) for one in cases if one.replicate.seed == first
        ]
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
            file = overlay_file(one.case, arm, str(one.replicate))
            pictures.append(
                Picture(
                    arm=arm, label=label, rank=ranked[number], case=one.case, metric=metric, value=value, file=file
                )
            )  # fmt: skip
    return pictures
