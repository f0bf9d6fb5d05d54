"""Segmentations that are stored like scans: told by their values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLICES = 16
"""Slices that are looked at, spread over the volume."""
_HIGHEST = 255
_FEW = 20
"""Fewer values than any scan has."""
_CHANGES, _CHANGES_OF_FEW = 0.15, 0.5
"""Share of neighbours that differ, where one of them is not 0: above that of areas of one value, below noise."""


def is_two_valued(values: NDArray[Any]) -> bool:
    """Whether a volume (z, y, x) holds just two values, the lower of them 0: a mask, whatever else is said of it."""
    sample = _sample(values)
    low, high = sample.min(), sample.max()
    return bool(low == 0 and high > 0 and np.isin(sample, (low, high)).all())


def is_segmentation(values: NDArray[Any]) -> bool:
    """Whether a volume (z, y, x) holds small whole numbers from 0 on, in areas of one value as no scan has them."""
    sample = _sample(values)
    low, high = sample.min(), sample.max()
    if low < 0 or not 0 < high <= _HIGHEST or not np.array_equal(sample, np.rint(sample)):
        return False
    left, right = sample[..., :-1], sample[..., 1:]
    inside = (left != 0) | (right != 0)
    changes = int(np.count_nonzero(left != right)) / max(1, int(np.count_nonzero(inside)))
    return bool(changes < (_CHANGES_OF_FEW if len(np.unique(sample)) <= _FEW else _CHANGES))


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    return values[:: max(1, len(values) // _SLICES)]
