"""Drawing two boxes that overlap enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.random import uniform

DRAWS = 20_000
"""Pairs tried before the one that overlaps most is taken; in a chest CT one of about thirty is accepted."""


@kernel(signature="float64(uint64, int64[:,::1], int64[:,::1], int64[:,:,::1], float64, int64[:,::1])")
def draw_overlapping(
    key: int,
    pairs: NDArray[np.int64],
    sizes: NDArray[np.int64],
    ranges: NDArray[np.int64],
    minimum_iou: float,
    drawn: NDArray[np.int64],
) -> float:
    """Draw a pair of sizes and two places, all anew until the boxes overlap enough (as published, but bounded).

    Args:
        pairs: (p, 2), numbers of sizes that may be drawn together, each pair equally likely.
        sizes: (s, 3) edges of the boxes.
        ranges: (s, 3, 2) lowest and highest start of each size on each axis.
        drawn: (2, 4), set to the number of the size and the start of each box.

    Returns:
        The intersection over union of what was drawn.
    """
    best = -1.0
    place = np.empty((2, 4), np.int64)
    for draw in range(DRAWS):
        counter = 7 * draw
        pair = int(uniform(key, counter) * len(pairs))
        common, first, second = 1.0, 1.0, 1.0
        for box in range(2):
            size = pairs[pair, box]
            place[box, 0] = size
            for axis in range(3):
                low, high = ranges[size, axis]
                step = int(uniform(key, counter + 1 + 3 * box + axis) * (high - low + 1))
                place[box, 1 + axis] = low + step
        for axis in range(3):
            a, b = sizes[place[0, 0], axis], sizes[place[1, 0], axis]
            start = max(place[0, 1 + axis], place[1, 1 + axis])
            stop = min(place[0, 1 + axis] + a, place[1, 1 + axis] + b)
            common *= max(0, stop - start)
            first *= a
            second *= b
        iou = common / (first + second - common)
        if iou > best:
            best = iou
            drawn[:] = place
        if iou > minimum_iou:
            break
    return best
