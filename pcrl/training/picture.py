"""A picture of some views: the target, what was made of it, and what the network restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save_views(
    path: Path,
    target: NDArray[np.float32],
    corrupted: NDArray[np.float32],
    restored: NDArray[np.float32],
    title: str,
) -> None:
    """Write up to four samples, middle slices of volumes, as a PNG.

    Args:
        target, corrupted, restored: (batch, 1, z, y, x) or (batch, 1, y, x).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = min(4, len(target))
    figure = Figure(figsize=(2.2 * count + 0.8, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(3, count, squeeze=False)
    for row, (name, images) in enumerate(
        (("target", target), ("corrupted", corrupted), ("restored", restored))
    ):
        for column in range(count):
            axis = axes[row, column]
            shown = images[column, 0]
            axis.imshow(
                shown if shown.ndim == 2 else shown[len(shown) // 2],
                cmap="gray",
                # Corrupted volumes are z-normalised.
                vmin=None if name == "corrupted" and shown.ndim == 3 else 0,
                vmax=None if name == "corrupted" and shown.ndim == 3 else 1,
            )
            axis.set_xticks([])
            axis.set_yticks([])
            if column == 0:
                axis.set_ylabel(name)
    figure.suptitle(title, fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
