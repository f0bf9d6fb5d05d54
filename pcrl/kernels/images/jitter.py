"""Brightness and contrast of a gray image, as torchvision's ColorJitter changes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.pixels.normalize import total

_f = np.float32


@kernel
def jitter(
    image: NDArray[np.float32],
    brightness: float,
    contrast: float,
    contrast_first: bool,
    lanes: NDArray[np.float64],
) -> None:
    """Change both, in place, one after the other, each clipped to [0, 1].

    Args:
        image: flat float32 in [0, 1].
        brightness: factor of every pixel.
        contrast: factor of every pixel's difference from the image's mean at that moment.
        lanes: at least `pcrl.kernels.pixels.normalize.LANES` partial sums.
    """
    if contrast_first:
        _change(image, contrast, (1 - contrast) * total(image, lanes) / image.size)
        _change(image, brightness, 0.0)
    else:
        _change(image, brightness, 0.0)
        _change(image, contrast, (1 - contrast) * total(image, lanes) / image.size)


@kernel
def _change(image: NDArray[np.float32], factor: float, offset: float) -> None:
    a, b = _f(factor), _f(offset)
    for i in range(image.size):
        image[i] = min(max(image[i] * a + b, _f(0)), _f(1))
