"""Gamma: sign(x)·|x|^γ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.pixels.noise import log2_positive

_f = np.float32


@kernel(inline=True)
def _exp2(x: np.float32) -> np.float32:
    """2^x for −126 ≤ x ≤ 127; relative error below 2e-7."""
    whole = np.floor(x + _f(0.5))
    t = (x - whole) * _f(0.69314718)
    p = _f(1.9841270e-4)
    p = p * t + _f(1.3888889e-3)
    p = p * t + _f(8.3333333e-3)
    p = p * t + _f(4.1666667e-2)
    p = p * t + _f(1.6666667e-1)
    p = p * t + _f(0.5)
    p = p * t + _f(1)
    p = p * t + _f(1)
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(p * power)


@kernel
def apply_gamma(image: NDArray[np.float32], gamma: float) -> None:
    """Replace x by sign(x)·|x|^gamma, in place; magnitudes below 1e-30 become 0.

    Args:
        image: flat float32, magnitudes up to 1e10.
        gamma: between ¼ and 4.
    """
    g = _f(gamma)
    for i in range(image.size):
        x = image[i]
        magnitude = abs(x)
        power = _exp2(max(_f(-126), g * log2_positive(max(magnitude, _f(1e-30)))))
        image[i] = np.copysign(power if magnitude > _f(1e-30) else _f(0), x)
