"""Separable resampling of a whole volume from one axis-aligned grid to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel


@kernel
def resample_axis(
    source: NDArray[np.float32],
    destination: NDArray[np.float32],
    first: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> None:
    """Weighted sums along the middle axis: `destination[a, i, b] = Σ_k weights[i, k] · source[a, first[i] + k, b]`.

    Args:
        source: (before, n, after) float32; the last axis is the one that vectorises.
        destination: (before, m, after) float32, overwritten.
        first: (m,) index of the first voxel that counts for each output; `first + taps` stays within n.
        weights: (m, taps), rows that sum to 1.
    """
    for a in range(source.shape[0]):
        for i in range(destination.shape[1]):
            row = destination[a, i]
            row[:] = weights[i, 0] * source[a, first[i]]
            for k in range(1, weights.shape[1]):
                weight = weights[i, k]
                if weight != 0:
                    line = source[a, first[i] + k]
                    for b in range(row.shape[0]):
                        row[b] += weight * line[b]


@kernel
def resample_last(
    source: NDArray[np.float32],
    destination: NDArray[np.float32],
    first: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> None:
    """The same along the last axis: `source` (before, n), `destination` (before, m)."""
    taps = weights.shape[1]
    for a in range(source.shape[0]):
        for i in range(destination.shape[1]):
            total = np.float32(0)
            for k in range(taps):
                total += weights[i, k] * source[a, first[i] + k]
            destination[a, i] = total


def linear_weights(
    size: int, start: float, step: float, count: int, widen: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Taps of linear interpolation at `start + step · i`, i < count, on an axis of `size` voxels.

    Positions beyond the first or last voxel take that voxel. With `widen`, a step above 1 widens the tent to the
    step, so that every source voxel counts (anti-aliasing).

    Returns:
        `first` (count,) and `weights` (count, taps) for `resample_axis`.
    """
    position = start + step * np.arange(count)
    support = max(1.0, step) if widen else 1.0
    taps = min(size, int(np.ceil(2 * support)) + 1)
    low = np.clip(np.floor(position - support).astype(np.int64) + 1, 0, size - taps)
    clamped = np.clip(position, 0, size - 1)
    distance = np.abs(low[:, None] + np.arange(taps) - clamped[:, None])
    weights = np.maximum(0.0, 1.0 - distance / support)
    weights /= weights.sum(axis=1, keepdims=True)
    return low, weights.astype(np.float32)
