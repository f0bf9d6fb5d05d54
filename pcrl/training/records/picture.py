"""A picture of some views: the inputs and the outputs of the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pcrl.models.images.inputs import from_network

_MOST = 4
"""Samples that are shown."""
_OUTSIDE = 0.5
"""By how much values lie outside [0, 1] that are not those of pixels but normalised."""


def save_pictures(path: Path, rows: Mapping[str, Tensor], title: str) -> None:
    """Write up to four samples as a PNG, a row for each kind of picture; of volumes their middle slices.

    Args:
        rows: title → (batch, 1, z, y, x), or (batch, 3, y, x) as the network takes images.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = {name: _slices(values[:_MOST]) for name, values in rows.items()}
    count = len(next(iter(shown.values())))
    figure = Figure(figsize=(2.2 * count + 0.8, 2.3 * len(shown) + 0.1), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(len(shown), count, squeeze=False)
    for across, (name, images) in zip(axes, shown.items(), strict=True):
        low, high = (0.0, 1.0) if rows[name].ndim == 4 else _range(images)
        for axis, image in zip(across, images, strict=True):
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            axis.set_xticks([])
            axis.set_yticks([])
        across[0].set_ylabel(name)
    figure.suptitle(title, fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _slices(values: Tensor) -> NDArray[np.float32]:
    """(batch, y, x) in gray values, of volumes as they are."""
    values = values.detach().float().cpu()
    gray = from_network(values) if values.ndim == 4 else values[:, :, values.shape[2] // 2]
    images: NDArray[np.float32] = gray[:, 0].numpy()
    return images


def _range(images: NDArray[np.float32]) -> tuple[float | None, float | None]:
    """Of volumes: [0, 1], or each image's own range where they are normalised."""
    inside = images.min() > -_OUTSIDE and images.max() < 1 + _OUTSIDE
    return (0.0, 1.0) if inside else (None, None)
