"""What is done to a view once its target is taken: how it is drawn, and doing it. Another corruption is added here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Corruption, Size
from pcrl.kernels.pixels.blur import MAXIMUM_RADIUS, blur
from pcrl.kernels.pixels.gamma import apply_gamma
from pcrl.kernels.pixels.noise import add_noise
from pcrl.kernels.pixels.normalize import LANES, normalize
from pcrl.kernels.streams import Draws, stream
from pcrl.kernels.volumes.swap import swap_blocks

BLUR, NOISE, GAMMA, SWAP = range(3, 7)
"""Operations: each draws from a stream of its own, so that a change to one leaves the others as they were. Smaller
words are those of `pcrl.engine.volumes.views`."""


@dataclass(frozen=True, slots=True)
class DrawnCorruption:
    """How one view is corrupted.

    Args:
        blur: σ of the Gaussian in voxels, per axis.
        noise: σ of the noise, in units of the [0, 1] range.
        swap_key: stream of the block swaps; none for local views.
    """

    blur: tuple[float, float, float]
    noise: float
    noise_key: int
    gamma: float
    swap_key: int | None


def draw_corruption(key: int, settings: Corruption, is_global: bool) -> DrawnCorruption:
    """Draw how a view is corrupted.

    Args:
        key: of the view.
    """
    sigma = Draws(stream(key, BLUR))
    z, y, x = (sigma.uniform(0, settings.blur_sigma) for _ in range(3))
    return DrawnCorruption(
        blur=(z, y, x),
        noise=Draws(stream(key, NOISE)).uniform(0, settings.noise_sigma),
        noise_key=stream(stream(key, NOISE), 1),
        gamma=math.exp(Draws(stream(key, GAMMA)).uniform(-settings.log_gamma, settings.log_gamma)),
        swap_key=stream(key, SWAP) if is_global else None,
    )


class CorruptionBuffers:
    """What one thread needs to corrupt views.

    Args:
        largest: voxels of the largest view, and `edge` of the longest row of one.
    """

    def __init__(self, largest: int, edge: int, swap_block: Size) -> None:
        self.work = np.empty(largest, np.float32)
        self.row = np.empty(edge + 2 * MAXIMUM_RADIUS, np.float32)
        self.weights = np.empty(MAXIMUM_RADIUS + 1, np.float32)
        self.blocks = np.empty((2, *swap_block), np.float32)
        self.lanes = np.empty(LANES, np.float64)


def corrupt(
    drawn: DrawnCorruption, settings: Corruption, buffers: CorruptionBuffers, values: NDArray[np.float32]
) -> None:
    """Blur, noise, gamma, block swaps and normalisation of one view, (z, y, x) float32 in [0, 1], in place."""
    flat = values.reshape(-1)
    blur(values, *drawn.blur, buffers.work, buffers.row, buffers.weights)
    add_noise(flat, drawn.noise, drawn.noise_key)
    apply_gamma(flat, drawn.gamma)
    if drawn.swap_key is not None:
        swap_blocks(values, settings.swaps, *settings.swap_block, drawn.swap_key, buffers.blocks)
    normalize(flat, buffers.lanes)
