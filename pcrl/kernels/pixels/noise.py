"""Gaussian noise, one value a voxel, as a function of a key and the voxel's number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel

_f = np.float32
_u = np.uint32


@kernel(inline=True)
def _mix(h: np.uint32) -> np.uint32:
    """32-bit finalizer with full avalanche (the constants are those of `lowbias32` by C. Wellons)."""
    # Numba widens 32-bit arithmetic to 64 bits: every product is cut back.
    h = _u(h ^ (h >> _u(16)))
    h = _u(h * _u(0x7FEB352D))
    h = _u(h ^ (h >> _u(15)))
    h = _u(h * _u(0x846CA68B))
    return _u(h ^ (h >> _u(16)))


@kernel(inline=True)
def _sin_turn(t: np.float32) -> np.float32:
    """sin(2πt) for |t| ≤ ¼, by its Taylor series; error below 6e-8."""
    x = t * _f(6.283185307179586)
    x2 = x * x
    p = _f(-2.5052108e-8)
    p = p * x2 + _f(2.7557319e-6)
    p = p * x2 + _f(-1.9841270e-4)
    p = p * x2 + _f(8.3333333e-3)
    p = p * x2 + _f(-1.6666667e-1)
    return x + x * x2 * p


@kernel(inline=True)
def log2_positive(x: np.float32) -> np.float32:
    """log2 of a positive, normal float32; error below 3e-7 absolute plus one rounding."""
    bits = np.float32(x).view(np.int32)
    # The mantissa is brought to [√½, √2), where the series in (m − 1) / (m + 1) is short.
    exponent = np.int32((bits - np.int32(0x3F3504F3)) >> np.int32(23))
    mantissa = np.int32(bits - (exponent << np.int32(23))).view(np.float32)
    s = (mantissa - _f(1)) / (mantissa + _f(1))
    s2 = s * s
    p = _f(0.32059889)
    p = p * s2 + _f(0.41219859)
    p = p * s2 + _f(0.57707802)
    p = p * s2 + _f(0.96179669)
    p = p * s2 + _f(2.8853901)
    return _f(exponent) + s * p


@kernel(signature="void(float32[::1], float64, uint64)")
def add_noise(image: NDArray[np.float32], sigma: float, key: int) -> None:
    """Add independent N(0, sigma²) to every voxel, in place.

    Box–Muller on 24-bit uniforms: the tails reach 5.9 σ. Each hash feeds a pair of voxels, one in either half of the
    array, so that both halves are contiguous loops.

    Args:
        image: flat float32.
        sigma: standard deviation.
        key: 64-bit, from `pcrl.kernels.random.derive`.
    """
    low, high = _u(key & np.uint64(0xFFFFFFFF)), _u(key >> np.uint64(32))
    half = (image.size + 1) // 2
    scale = _f(sigma)
    unit = _f(1.0 / 16777216.0)
    for i in range(half):
        h = _u(_mix(_u(_u(_u(i) * _u(2654435769)) ^ low)) + high)
        first = _mix(h)
        second = _mix(_u(h ^ _u(0x68E31DA4)))
        # −2 ln u = −2 ln 2 · log2 u
        logarithm = min(log2_positive((_f(first >> _u(8)) + _f(0.5)) * unit), _f(0))
        radius = np.sqrt(_f(-1.3862944) * logarithm) * scale
        turn = _f(second >> _u(8)) * unit - _f(0.5)
        distance = abs(turn)
        image[i] += radius * _sin_turn(_f(0.25) - distance)
        if i + half < image.size:
            folded = _f(0.25) - abs(distance - _f(0.25))
            image[i + half] += radius * (_sin_turn(folded) if turn >= 0 else -_sin_turn(folded))
