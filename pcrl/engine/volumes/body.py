"""Which values of an MR are the body's, and which are the empty space round it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOOKED_AT = 2_000_000
"""Voxels that are looked at: more change no percentile that matters."""
NOISE_REACHES = 4.0
"""Multiples of the most frequent value of noise beyond which there is none (Rayleigh: one voxel in 3,000)."""
FAINT = 0.1
"""Share of a typical bright value up to which the most frequent dark value can be noise, and not tissue."""
RINGING = 0.05
"""Share of voxels that may be below 0 although 0 is no signal."""
NOTED = 0.01
"""Share of the body below the window from which a note is written."""


@dataclass(frozen=True, slots=True)
class Window:
    """The values that are kept: below and above, they are clipped."""

    low: float
    high: float
    notes: tuple[str, ...]


def window_of(values: NDArray[Any], percentiles: tuple[float, float]) -> Window:
    """The window of an MR: percentiles of the body, dark tissue and what it encloses included.

    Args:
        values: (z, y, x).
    """
    step = max(1, round((values.size / LOOKED_AT) ** (1 / 3)))
    sample = np.ascontiguousarray(values[::step, ::step, ::step], np.float32)
    limit = background_limit(sample)
    tissue = sample > limit
    # Zeros of padding are exact; of noise, single voxels are above any limit.
    noisy = limit > max(float(sample.min()), 0.0)
    inside = sample[_filled(tissue, noisy)]
    low, high = (float(v) for v in np.percentile(inside if inside.size else sample, percentiles))
    if tissue.any():
        # What is thin and dark, such as skin, is not inside where it is noisy, and kept all the same.
        low = min(low, float(np.percentile(sample[tissue], percentiles[0])))
    if low < limit:
        # Within noise, there is no use in a part of it.
        low = min(low, max(float(sample.min()), 0.0))
    share = float(np.mean(sample[tissue] < low)) if tissue.any() else 0.0
    notes = []
    if share > NOTED:
        notes.append(
            f"{share:.1%} of what is not background is darker than the window and was set to its lower end ({low:g}): "
            "differences there are lost; data.percentiles sets the window"
        )
    return Window(low, high, tuple(notes))


def background_limit(values: NDArray[Any]) -> float:
    """The highest value of empty space: zeros, or noise. The smallest value of all where there is none.

    Noise is the most frequent of the dark values, if it is much darker than what is bright, and it reaches no further
    than a multiple of itself; so tissue that is only darker than others is not taken for it.
    """
    lowest = float(values.min())
    # No signal is 0, or the smallest value; a few values below 0 are what interpolation leaves beside an edge.
    nothing = 0.0 if np.mean(values < 0) < RINGING else lowest
    above = np.maximum(values.astype(np.float32, copy=False).ravel() - np.float32(nothing), 0)
    dark_end = _dark_end(above)
    dark, bright = above[above <= dark_end], above[above > dark_end]
    nonzero = dark[dark > 0]
    # Empty space is padded, or noise; a few zeros among noise, such as at the corners, are not its most frequent value.
    if not bright.size or nonzero.size <= 0.5 * dark.size:
        return max(lowest, nothing)
    counts, edges = np.histogram(nonzero, bins=64)
    peak = int(counts.argmax())
    frequent = float(edges[peak] + edges[peak + 1]) / 2
    if frequent > FAINT * float(np.median(bright)):
        return lowest
    return nothing + min(dark_end, NOISE_REACHES * frequent)


def _dark_end(above: NDArray[np.float32]) -> float:
    """Otsu's threshold of the logarithm, which parts noise from tissue where that of the values parts tissues."""
    from skimage.filters import threshold_otsu

    unit = float(np.percentile(above, 99)) / 100 or 1.0
    return float(np.expm1(threshold_otsu(np.log1p(above / unit)))) * unit


def _filled(tissue: NDArray[np.bool_], noisy: bool) -> NDArray[np.bool_]:
    """Tissue and what it encloses in the volume or in a slice of any axis; without single voxels where it is noisy."""
    from scipy.ndimage import binary_fill_holes, binary_opening

    opened = binary_opening(tissue) if noisy else tissue
    filled = binary_fill_holes(opened if opened.any() else tissue)
    for axis in range(3):
        flat = np.moveaxis(filled, axis, 0)
        for plane in flat:
            plane |= binary_fill_holes(plane)
    return np.asarray(filled, bool)
