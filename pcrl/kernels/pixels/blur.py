"""Separable Gaussian blur with a σ for every axis."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel

_ONE = np.uint64(1)
TRUNCATE = 4.0
"""Support of the Gaussian in σ, as SciPy's default."""
MAXIMUM_RADIUS = 16


@kernel
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


@kernel(inline=True)
def _reflect(i: int, n: int) -> int:
    """Index of the half-sample symmetric extension: d c b a | a b c d | d c b a."""
    i %= 2 * n
    return 2 * n - 1 - i if i >= n else i


@kernel
def _blur_rows(
    source: NDArray[np.float32],
    destination: NDArray[np.float32],
    begin: int,
    n: int,
    length: int,
    radius: int,
    weights: NDArray[np.float32],
) -> None:
    """Blur n rows of `length` from `begin` on, along n; two rings of taps in one pass over a row."""
    count = np.uint64(length)
    for i in range(n):
        to = np.uint64(begin + i * length)
        w = weights[0]
        for x in range(count):
            destination[to + x] = w * source[to + x]
        for k in range(1, radius, 2):
            a, b = (
                np.uint64(begin + _reflect(i - k, n) * length),
                np.uint64(begin + _reflect(i + k, n) * length),
            )
            c = np.uint64(begin + _reflect(i - k - 1, n) * length)
            d = np.uint64(begin + _reflect(i + k + 1, n) * length)
            v, w = weights[k], weights[k + 1]
            for x in range(count):
                destination[to + x] += v * (source[a + x] + source[b + x]) + w * (
                    source[c + x] + source[d + x]
                )
        if radius % 2:
            a = np.uint64(begin + _reflect(i - radius, n) * length)
            b = np.uint64(begin + _reflect(i + radius, n) * length)
            w = weights[radius]
            for x in range(count):
                destination[to + x] += w * (source[a + x] + source[b + x])


@kernel
def _blur_line(
    row: NDArray[np.float32],
    image: NDArray[np.float32],
    begin: int,
    length: int,
    radius: int,
    weights: NDArray[np.float32],
) -> None:
    """Blur `row`, which goes on for `radius` at both ends, into a line of the image."""
    to, count, middle = np.uint64(begin), np.uint64(length), np.uint64(radius)
    w = weights[0]
    for x in range(count):
        image[to + x] = w * row[middle + x]
    for k in range(1, radius, 2):
        a, b = np.uint64(radius - k), np.uint64(radius + k)
        v, w = weights[k], weights[k + 1]
        for x in range(count):
            image[to + x] += v * (row[a + x] + row[b + x]) + w * (row[a - _ONE + x] + row[b + _ONE + x])
    if radius % 2:
        w = weights[radius]
        b = np.uint64(2 * radius)
        for x in range(count):
            image[to + x] += w * (row[x] + row[b + x])


@kernel
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
        work: flat, at least as large as the image.
        row: at least x + 2 · `MAXIMUM_RADIUS`.
        weights: at least `MAXIMUM_RADIUS` + 1.
    """
    nz, ny, nx = image.shape
    flat = image.reshape(-1)
    radius = _gaussian(sigma_z, weights)
    _blur_rows(flat, work, 0, nz, ny * nx, radius, weights)
    radius = _gaussian(sigma_y, weights)
    for z in range(nz):
        _blur_rows(work, flat, z * ny * nx, ny, nx, radius, weights)
    radius = _gaussian(sigma_x, weights)
    if radius == 0:
        return
    for begin in range(0, flat.size, nx):
        for x in range(nx):
            row[radius + x] = flat[begin + x]
        for x in range(radius):
            row[x] = flat[begin + _reflect(x - radius, nx)]
            row[radius + nx + x] = flat[begin + _reflect(nx + x, nx)]
        _blur_line(row, flat, begin, nx, radius, weights)
