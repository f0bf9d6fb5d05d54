"""A scan on a coarse grid: small enough to be kept for hundreds of thousands, large enough to tell people apart."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

EDGES = {2: 32, 3: 24}
"""Cells along each edge, of images and of volumes: a volume of 350 mm has cells of 15 mm."""
LEVELS = 255


def thumbnail(values: NDArray[Any], edge: int | None = None) -> NDArray[np.uint8]:
    """The whole of an image or a volume on a coarse grid, its smallest value 0 and its largest 255.

    Cells are tents two cells wide, so that a grid that lies half a cell beside shows nearly the same. Spacing, order
    of values and number of slices do not count: cells are shares of the field of view.

    Args:
        values: (y, x) or (z, y, x).
        edge: cells along each axis; otherwise `EDGES`.

    Returns:
        (edge,) · dimensions; zeros where all values are one.
    """
    edge = edge or EDGES[values.ndim]
    inner = _tents(values.shape[-2], edge), _tents(values.shape[-1], edge).T
    # A plane at a time: a volume of float32 would be the largest thing in memory.
    planes = values if values.ndim == 3 else values[None]
    coarse = np.stack([inner[0] @ plane.astype(np.float32) @ inner[1] for plane in planes])
    coarse = np.tensordot(_tents(len(values), edge), coarse, 1) if values.ndim == 3 else coarse[0]
    low, high = float(coarse.min()), float(coarse.max())
    if not low < high:
        return np.zeros(coarse.shape, np.uint8)
    return np.rint((coarse - low) * (LEVELS / (high - low))).astype(np.uint8)


@lru_cache(64)
def _tents(count: int, edge: int) -> NDArray[np.float32]:
    """(edge, count) weights of the samples of an axis in each cell; each row sums to one."""
    step = count / edge
    centres = (np.arange(edge) + 0.5) * step
    distance = np.abs(np.arange(count) + 0.5 - centres[:, None])
    weights = np.maximum(1 - distance / max(step, 1.0), 0)
    tents: NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return tents
