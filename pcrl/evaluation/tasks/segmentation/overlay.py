"""A picture of a segmented case: one slice, whole and enlarged, with the outlines of truth and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.evaluation.tasks.segmentation.inference import onto

COLOURS = ("#e69f00", "#56b4e9", "#f0e442", "#009e73", "#cc79a7", "#d55e00", "#0072b2")
"""Of the regions; distinguishable for the colour-blind (Okabe and Ito)."""
_LEGEND = 7
_SMALLEST = 40.0
"""mm: a smaller part of a slice shows too little of what lies around a structure."""
_ROOM = 1.3
"""Edge of the enlarged part by the extent of the structure."""
_TRUTH: Any = "solid"
_PREDICTION: Any = (0, (2.5, 1.5))
Masks = Sequence[NDArray[np.bool_]]
Part = tuple[slice, slice]


def save_overlay(
    path: Path, case: CachedCase, truth: Masks, predicted: Masks, names: Sequence[str], title: str
) -> None:
    """Write the slice that `slice_of` chooses: whole, and enlarged where the structure is, without and with outlines.

    Outlines are solid of the truth and dashed of the prediction.

    Args:
        truth, predicted: a mask (z, y, x) for each region, on the label's grid.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    grid = case.label_record.grid
    z = slice_of(truth, predicted)
    image, (low, high) = _image(case, z)
    true, found = ([mask[z] for mask in masks] for masks in (truth, predicted))
    rows, columns = part_of(true, found, grid.spacing[1:])
    figure = Figure(figsize=(15, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(1, 3)
    for axis, name in zip(axes, ("slice", "enlarged", "truth and prediction"), strict=True):
        axis.imshow(
            image, cmap="gray", vmin=low, vmax=high, aspect=grid.spacing[1] / grid.spacing[2], interpolation="bilinear"
        )  # fmt: skip
        axis.set_title(name, fontsize=11)
        axis.set_axis_off()
    for axis, width in ((axes[0], 1.0), (axes[2], 1.8)):
        _outline(axis, true, _TRUTH, width)
        _outline(axis, found, _PREDICTION, width)
    axes[0].plot(
        [columns.start, columns.stop, columns.stop, columns.start, columns.start],
        [rows.start, rows.start, rows.stop, rows.stop, rows.start],
        color="white", linewidth=0.9,
    )  # fmt: skip
    for axis in axes[1:]:
        axis.set_xlim(columns.start - 0.5, columns.stop - 0.5)
        axis.set_ylim(rows.stop - 0.5, rows.start - 0.5)
    _explain(axes[2], names)
    figure.suptitle(f"{title}, slice {z} of 0–{grid.shape[0] - 1}", fontsize=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def slice_of(truth: Masks, predicted: Masks) -> int:
    """The slice that shows most of the regions of the truth, each counting alike, so that small ones are seen too.

    Of the prediction where the truth is empty; the middle where both are.
    """
    for masks in (truth, predicted):
        areas = np.array([mask.sum(axis=(1, 2)) for mask in masks if mask.any()], np.float64)
        if len(areas):
            return int(np.argmax((areas / areas.sum(axis=1, keepdims=True)).sum(axis=0)))
    depth: int = truth[0].shape[0]
    return depth // 2


def part_of(truth: Masks, predicted: Masks, spacing: tuple[float, float]) -> Part:
    """The square, in mm, round the truth of a slice, with room about it, as far as the slice reaches.

    Round the prediction where the slice has no truth; all of it where it has neither.

    Args:
        truth, predicted: masks (y, x) of each region.
        spacing: (y, x) in mm.
    """
    height, width = truth[0].shape
    there = np.any(truth, axis=0) if np.any(truth) else np.any(predicted, axis=0)
    if not there.any():
        return slice(0, height), slice(0, width)
    ends = [np.flatnonzero(there.any(axis=1 - axis))[[0, -1]] for axis in (0, 1)]
    extents = [(last - first + 1) * mm for (first, last), mm in zip(ends, spacing, strict=True)]
    edge = max(_SMALLEST, _ROOM * max(extents))
    parts = []
    for (first, last), mm, size in zip(ends, spacing, (height, width), strict=True):
        count = min(size, round(edge / mm))
        start = int(np.clip((first + last + 1 - count) // 2, 0, size - count))
        parts.append(slice(start, start + count))
    return parts[0], parts[1]


def _image(case: CachedCase, z: int) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """A slice of the first channel on the label's grid, and the values shown as black and white."""
    intensity = case.record.intensities[0]
    stored = case.voxels.read()[0].astype(np.float32)
    values = stored * intensity.slope + intensity.intercept
    image: NDArray[np.float32] = onto(values, case.record.grid, case.label_record.grid)[z]
    if case.record.modality == "ct":
        return image, (-160.0, 240.0)
    low, high = np.percentile(image, (1, 99))
    return image, (float(low), float(high))


def _outline(axis: Any, masks: Masks, style: Any, width: float) -> None:
    for number, mask in enumerate(masks):
        if mask.any():
            # A mask that reaches the border of its slice is outlined there too.
            y, x = (np.arange(-1, n + 1) for n in mask.shape)
            axis.contour(
                x, y, np.pad(mask, 1), [0.5],
                colors=COLOURS[number % len(COLOURS)], linewidths=width, linestyles=[style],
            )  # fmt: skip


def _explain(axis: Any, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color="0.35", linestyle=style, linewidth=2) for style in (_TRUTH, _PREDICTION)]
    texts = ["truth", "prediction"]
    if 1 < len(names) <= _LEGEND:
        lines += [Line2D([], [], color=colour, linewidth=2) for colour in COLOURS[: len(names)]]
        texts += names
    axis.legend(lines, texts, loc="lower right", fontsize=9, framealpha=0.75, handlelength=2.6)
