"""Swapping of random blocks, which destroys where things are but not what they look like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.random import uniform


@kernel(signature="void(float32[:,:,::1], int64, int64, int64, int64, uint64, float32[:,:,:,::1])")
def swap_blocks(
    image: NDArray[np.float32],
    pairs: int,
    size_z: int,
    size_y: int,
    size_x: int,
    key: int,
    work: NDArray[np.float32],
) -> None:
    """Swap `pairs` random pairs of blocks of (z, y, x) float32, one after the other, in place.

    Both blocks are copied out, then the first is written where the second was, then the second where the first was;
    where they overlap the later writing counts. Every place where a block fits is equally likely.

    Args:
        key: draw 6·i … 6·i + 5 are the places of pair i.
        work: (2, size_z, size_y, size_x).
    """
    free_z, free_y, free_x = (
        image.shape[0] - size_z + 1,
        image.shape[1] - size_y + 1,
        image.shape[2] - size_x + 1,
    )
    for pair in range(pairs):
        draw = 6 * pair
        az, ay, ax = (
            int(uniform(key, draw) * free_z),
            int(uniform(key, draw + 1) * free_y),
            int(uniform(key, draw + 2) * free_x),
        )
        bz, by, bx = (
            int(uniform(key, draw + 3) * free_z),
            int(uniform(key, draw + 4) * free_y),
            int(uniform(key, draw + 5) * free_x),
        )
        for z in range(size_z):
            for y in range(size_y):
                for x in range(size_x):
                    work[0, z, y, x] = image[az + z, ay + y, ax + x]
                    work[1, z, y, x] = image[bz + z, by + y, bx + x]
        for z in range(size_z):
            for y in range(size_y):
                for x in range(size_x):
                    image[bz + z, by + y, bx + x] = work[0, z, y, x]
        for z in range(size_z):
            for y in range(size_y):
                for x in range(size_x):
                    image[az + z, ay + y, ax + x] = work[1, z, y, x]
