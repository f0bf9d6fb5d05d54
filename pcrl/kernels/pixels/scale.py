"""From values to the integers that the cache holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel


@kernel
def to_integers(
    values: NDArray[np.float32],
    low: float,
    high: float,
    zero: float,
    step: float,
    destination: NDArray[np.int16],
) -> None:
    """Clip to [low, high] and store as `round((value − zero) / step)`, halves to the even number, in float32.

    Args:
        values: flat float32.
        destination: flat int16, overwritten.
    """
    bottom, top, origin, share = np.float32(low), np.float32(high), np.float32(zero), np.float32(1 / step)
    for i in range(values.size):
        clipped = min(max(values[i], bottom), top)
        destination[i] = np.int16(np.rint((clipped - origin) * share))
