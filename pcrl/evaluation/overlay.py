"""A picture of a segmented case: image, truth, prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.cache import CachedCase
from pcrl.evaluation.predict import onto

_COLOURS = ("", "lime", "red")


def save_overlay(
    path: Path, case: CachedCase, truth: NDArray[np.int64], predicted: NDArray[np.uint8], title: str
) -> None:
    """Write the slice with the most truth: plain, with the true outline, with the predicted one.

    Args:
        truth, predicted: class numbers on the label's grid, (z, y, x).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    intensity = case.record.intensities[0]
    stored = case.image.read()[0].astype(np.float32)
    image = onto(stored * intensity.slope + intensity.intercept, case.record.grid, case.label_record.grid)
    z = int(np.argmax((truth > 0).sum(axis=(1, 2))))
    low, high = (-160.0, 240.0) if case.record.modality == "ct" else np.percentile(image[z], (1, 99))
    figure = Figure(figsize=(10.5, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(1, 3)
    spacing = case.label_record.grid.spacing
    masks: list[Any] = [None, truth[z], predicted[z]]
    for axis, name, mask, colour in zip(axes, ("image", "truth", "prediction"), masks, _COLOURS, strict=True):
        axis.imshow(image[z], cmap="gray", vmin=low, vmax=high, aspect=spacing[1] / spacing[2])
        for number in np.unique(mask) if mask is not None else ():
            if number:
                axis.contour(mask == number, [0.5], colors=colour, linewidths=1)
        axis.set_title(name)
        axis.set_axis_off()
    figure.suptitle(f"{title}, slice {z}", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
