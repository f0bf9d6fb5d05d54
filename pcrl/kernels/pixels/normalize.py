"""z-normalisation: mean 0, standard deviation 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel

LANES = 64


@kernel
def normalize(image: NDArray[np.float32], lanes: NDArray[np.float64]) -> None:
    """Subtract the mean and divide by the standard deviation (n − 1, as TorchIO's ZNormalization), in place.

    A constant image becomes 0.

    Args:
        image: flat float32.
        lanes: at least `LANES` partial sums, in float64; their order is fixed, so the result is too.
    """
    mean = _sum(image, 0.0, False, lanes) / image.size
    variance = _sum(image, mean, True, lanes) / max(image.size - 1, 1)
    # Rounding leaves the variance of a constant image a little above 0.
    if variance <= 1e-12 * max(mean * mean, 1e-24):
        for i in range(image.size):
            image[i] = np.float32(0)
        return
    shift, scale = np.float32(mean), np.float32(1.0 / np.sqrt(variance))
    for i in range(image.size):
        image[i] = (image[i] - shift) * scale


@kernel
def _sum(image: NDArray[np.float32], mean: float, squared: bool, lanes: NDArray[np.float64]) -> float:
    lanes[:LANES] = 0.0
    whole = image.size // LANES * LANES
    for start in range(0, whole, LANES):
        if squared:
            for j in range(LANES):
                difference = image[start + j] - mean
                lanes[j] += difference * difference
        else:
            for j in range(LANES):
                lanes[j] += image[start + j]
    for i in range(whole, image.size):
        difference = image[i] - mean
        lanes[i - whole] += difference * difference if squared else image[i]
    total = 0.0
    for j in range(LANES):
        total += lanes[j]
    return total


@kernel
def total(image: NDArray[np.float32], lanes: NDArray[np.float64]) -> float:
    """Sum of a flat image in float64, in an order that is always the same; arguments as `normalize`."""
    return _sum(image, 0.0, False, lanes)
