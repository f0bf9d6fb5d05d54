"""From a scan as read to what the cache holds: resampled, clipped, int16, with its tissue occupancy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Data, Modality
from pcrl.engine.errors import ScanError
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.body import window_of
from pcrl.engine.volumes.modality import decide_modality
from pcrl.kernels.pixels.resample import BoxTaps, linear_taps, together
from pcrl.kernels.pixels.resample import resample as resample_volume
from pcrl.kernels.pixels.scale import to_integers
from pcrl.kernels.volumes.occupancy import cell_shares

CELL = 8
"""Edge in voxels of a cell of the occupancy volume."""
SLAB = 2 * CELL
"""Slices that are resampled at a time."""
AIR = -500.0
"""HU: below is air (foreground rule)."""
DENSE = -150.0
"""HU: above is dense (lung rule of the published code)."""
FULL_SCALE = 32767
MAXIMUM_NOT_FINITE = 0.01


@dataclass(frozen=True, slots=True)
class Intensity:
    """How stored integers become the values that a network sees: `value = scale · stored + offset`, in [0, 1].

    `original` gives back the values of the file: `original = slope · stored + intercept`.
    """

    scale: float
    offset: float
    slope: float
    intercept: float
    air: int
    """Stored value of empty space."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One channel, ready for the cache.

    Args:
        stored: (z, y, x) int16.
        occupancy: (2, cells…) float32, shares of each `CELL`³ block: foreground, and dense tissue.
    """

    stored: NDArray[np.int16]
    grid: Grid
    modality: Modality
    intensity: Intensity
    occupancy: NDArray[np.float32]
    notes: tuple[str, ...]


def prepare(
    values: NDArray[Any],
    grid: Grid,
    data: Data,
    stated: Modality | None,
    forced: Modality | None,
    confirmed: bool = True,
) -> Prepared:
    """Resample one channel to the recipe's grid and store it as int16.

    Args:
        values: (z, y, x) as read, on `grid`.
        stated: modality according to DICOM, or to the data set if the user says nothing else.
        forced: modality according to the user; beats a guess and the data set, never DICOM.
        confirmed: whether `forced` also says that values without fat and air are Hounsfield units.

    Raises:
        ScanError: constant, not finite, or not of the modality that it is said to be.
    """
    values, notes = finite(values)
    modality, more = decide_modality(values, stated, forced, confirmed)
    if stated is None and forced is None:
        reason = "values below −50, as of fat and air" if modality == "ct" else "no values below −50"
        other = "mr" if modality == "ct" else "ct"
        notes.append(
            f"modality guessed from the values: {modality} ({reason}); if it is wrong, so are the gray values that are "
            f"kept: --modality {other}"
        )
    if modality == "ct":
        (low, high), step = data.window, 1.0
        threshold, dense = AIR, DENSE
        intensity = Intensity(1 / (high - low), -low / (high - low), 1.0, 0.0, round(low))
        zero = 0.0
    else:
        resampled = resample(values, grid, data)
        threshold = dense = _otsu(resampled)
        window = window_of(resampled, data.percentiles)
        low, high, more = window.low, window.high, [*more, *window.notes]
        if not low < high:
            raise ScanError(f"the body has a single value ({low:g}): there is nothing to learn from")
        step = (high - low) / FULL_SCALE
        intensity = Intensity(1 / FULL_SCALE, 0.0, step, low, 0)
        zero = low
    target = grid.with_spacing(data.spacing)
    stored = np.empty(target.shape, np.int16)
    occupancy = np.empty((2, *(-(-n // CELL) for n in target.shape)), np.float32)
    for first, slab in _slabs(values, grid, data):
        last = first + SLAB
        planes = len(stored[first:last])
        to_integers(slab[:planes].reshape(-1), low, high, zero, step, stored[first:last].reshape(-1))
        cell_shares(slab, threshold, dense, CELL, occupancy[:, first // CELL : -(-last // CELL)])
    return Prepared(stored, target, modality, intensity, occupancy, (*notes, *more))


def finite(values: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Replace a few values that are not finite by the smallest finite one; refuse many."""
    if values.dtype.kind != "f":
        if values.min() == values.max():
            raise ScanError(f"every voxel is {values.flat[0]}: the scan is empty")
        return values, []
    good = np.isfinite(values)
    bad = values.size - int(np.count_nonzero(good))
    if bad > MAXIMUM_NOT_FINITE * values.size:
        raise ScanError(
            f"{bad / values.size:.0%} of the voxels are NaN or infinite; at most 1 % can be filled in"
        )
    notes = []
    if bad:
        values = np.where(good, values, values[good].min())
        notes.append(f"{bad} voxels that are NaN or infinite were set to the smallest value")
    if values.min() == values.max():
        raise ScanError(f"every voxel is {values.flat[0]}: the scan is empty")
    return values, notes


def resample(values: NDArray[Any], grid: Grid, data: Data) -> NDArray[np.float32]:
    """Linear interpolation onto `grid.with_spacing(data.spacing)`; (z, y, x) float32."""
    return resample_volume(_of_two_types(values), _taps(grid, data))


def _slabs(values: NDArray[Any], grid: Grid, data: Data) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The same a few slices at a time, each with the first slice of the next; valid until the next is asked for.

    One buffer that stays in the processor's cache, where a whole volume of float32 would be the largest thing in
    memory, and would cost more time to come by than to fill.
    """
    first, weights, first_y, weights_y, first_x, weights_x = _taps(grid, data)
    _, count_y, count_x = grid.with_spacing(data.spacing).shape
    buffer = np.empty((SLAB + 1, count_y, count_x), np.float32)
    source = _of_two_types(values)
    for start in range(0, len(first), SLAB):
        rows = slice(start, start + SLAB + 1)
        taps = (first[rows], weights[rows], first_y, weights_y, first_x, weights_x)
        yield start, resample_volume(source, taps, buffer[: len(first[rows])])


def _taps(grid: Grid, data: Data) -> BoxTaps:
    target = grid.with_spacing(data.spacing)
    taps = []
    for axis in range(3):
        ratio = target.spacing[axis] / grid.spacing[axis]
        taps.append(linear_taps(grid.shape[axis], (ratio - 1) / 2, ratio, target.shape[axis], data.antialias))
    return together(*taps)


def _of_two_types(values: NDArray[Any]) -> NDArray[np.int16] | NDArray[np.float32]:
    """int16 as it is, everything else as float32: the kernel is compiled for no more."""
    if values.dtype == np.int16:
        return np.ascontiguousarray(values, np.int16)
    return np.ascontiguousarray(values, np.float32)


def resample_label(values: NDArray[Any], grid: Grid, data: Data) -> NDArray[Any]:
    """Nearest neighbour onto `grid.with_spacing(data.spacing)`; the dtype stays."""
    target = grid.with_spacing(data.spacing)
    for axis in range(3):
        ratio = target.spacing[axis] / grid.spacing[axis]
        position = (ratio - 1) / 2 + ratio * np.arange(target.shape[axis])
        nearest = np.clip(np.floor(position + 0.5).astype(np.int64), 0, grid.shape[axis] - 1)
        values = np.take(values, nearest, axis=axis)
    return values


def _otsu(values: NDArray[np.float32]) -> float:
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(values))
