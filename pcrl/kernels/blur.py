"""Separable Gaussian blur with a σ for every axis."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

TRUNCATE = 4.0
"""Support of the Gaussian in σ, as SciPy's default."""
MAXIMUM_RADIUS = 16


@njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")
def _gaussian(sigma: float, weights: NDArray[np.float32]) -> int:
    """Fill in one side of a normalised Gaussian, centre first; returns its radius."""
    radius = min(int(TRUNCATE * sigma + 0.5), MAXIMUM_RADIUS)
    total = 1.0
    for k in range(1, radius + 1):
        total += 2.0 * math.exp(-0.5 * k * k / (sigma * sigma))
    weights[0] = 1.0 / total
    for k in range(1, radius + 1):
        weights[k] = math.exp(-0.5 * k * k / (sigma * sigma)) / total
    return radius


@njit(nogil=True, cache=True, inline="always")
def _reflect(i: int, n: int) -> int:
    """Index of the half-sample symmetric extension: d c b a | a b c d | d c b a."""
    i %= 2 * n
    return 2 * n - 1 - i if i >= n else i


@njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")
def _blur_rows(
    source: NDArray[np.float32], destination: NDArray[np.float32], radius: int, weights: NDArray[np.float32]
) -> None:
    """Blur (n, length) along n; the inner loops run along the contiguous axis."""
    n, length = source.shape
    for i in range(n):
        for x in range(length):
            destination[i, x] = weights[0] * source[i, x]
        for k in range(1, radius + 1):
            before, after, w = _reflect(i - k, n), _reflect(i + k, n), weights[k]
            for x in range(length):
                destination[i, x] += w * (source[before, x] + source[after, x])


@njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")
def blur(
    image: NDArray[np.float32],
    sigma_z: float,
    sigma_y: float,
    sigma_x: float,
    work: NDArray[np.float32],
    row: NDArray[np.float32],
    weights: NDArray[np.float32],
) -> None:
    """Blur (z, y, x) float32 in place, mirrored at the borders, truncated at 4 σ; as `scipy.ndimage.gaussian_filter`.

    Args:
        work: as large as the image.
        row: at least x + 2 · `MAXIMUM_RADIUS`.
        weights: at least `MAXIMUM_RADIUS` + 1.
    """
    nz, ny, nx = image.shape
    radius = _gaussian(sigma_z, weights)
    if radius:
        flat = work.ravel()[: image.size].reshape(nz, ny * nx)
        _blur_rows(image.reshape(nz, ny * nx), flat, radius, weights)
    else:
        work.ravel()[: image.size] = image.ravel()
    blurred = work.ravel()[: image.size].reshape(nz, ny, nx)
    radius = _gaussian(sigma_y, weights)
    for z in range(nz):
        _blur_rows(blurred[z], image[z], radius, weights)
    radius = _gaussian(sigma_x, weights)
    if radius == 0:
        return
    for z in range(nz):
        for y in range(ny):
            line = image[z, y]
            for x in range(-radius, 0):
                row[radius + x] = line[_reflect(x, nx)]
            for x in range(nx):
                row[radius + x] = line[x]
            for x in range(nx, nx + radius):
                row[radius + x] = line[_reflect(x, nx)]
            for x in range(nx):
                line[x] = weights[0] * row[radius + x]
            for k in range(1, radius + 1):
                w = weights[k]
                for x in range(nx):
                    line[x] += w * (row[radius + x - k] + row[radius + x + k])
