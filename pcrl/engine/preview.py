"""A sheet of pictures: a row for each case or image, a column for each view of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LONGEST_NAME = 28


class Picture(NamedTuple):
    """One picture.

    Args:
        values: (y, x).
        aspect: height of a pixel by its width.
        unit: black is 0 and white is 1; else they are the smallest and the largest value.
    """

    values: NDArray[np.floating[Any]]
    aspect: float = 1.0
    unit: bool = True


def save_sheet(
    path: Path, columns: Sequence[str], count: int, rows: Iterable[tuple[str, Sequence[Picture]]]
) -> None:
    """Write a PNG.

    Args:
        columns: their titles.
        rows: `count` names, each with a picture for each column.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.9 * len(columns), 2.05 * count + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    grid: Any = figure.subplots(count, len(columns), squeeze=False)
    for (name, pictures), axes in zip(rows, grid, strict=True):
        for axis, picture in zip(axes, pictures, strict=True):
            low, high = (0, 1) if picture.unit else (None, None)
            axis.imshow(picture.values, cmap="gray", aspect=picture.aspect, vmin=low, vmax=high)
            axis.set_xticks([])
            axis.set_yticks([])
        axes[0].set_ylabel(name[-_LONGEST_NAME:], fontsize=8)
    for axis, title in zip(grid[0], columns, strict=True):
        axis.set_title(title, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
