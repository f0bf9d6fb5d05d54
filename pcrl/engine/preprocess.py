"""From a scan as read to what the cache holds: resampled, clipped, int16, with its tissue occupancy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Data, Modality
from pcrl.engine.grid import Grid
from pcrl.kernels.resample import linear_weights, resample_axis, resample_last

CELL = 8
"""Edge in voxels of a cell of the occupancy volume."""
AIR = -500.0
"""HU: below is air (foreground rule)."""
DENSE = -150.0
"""HU: above is dense (lung rule of the published code)."""
FULL_SCALE = 32767
MAXIMUM_NOT_FINITE = 0.01


class ImageError(ValueError):
    """Values that cannot be what they are said to be."""


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
    values: NDArray[Any], grid: Grid, data: Data, stated: Modality | None, forced: Modality | None
) -> Prepared:
    """Resample one channel to the recipe's grid and store it as int16.

    Args:
        values: (z, y, x) as read, on `grid`.
        stated: modality according to DICOM or the data set, if they say.
        forced: modality according to the user; beats a guess, never DICOM.

    Raises:
        ImageError: constant, not finite, or not of the modality that it is said to be.
    """
    values, notes = finite(values)
    modality, more = decide_modality(values, stated, forced)
    if stated is None and forced is None:
        notes.append(f"modality guessed from the values: {modality}")
    resampled = resample(values, grid, data)
    if modality == "ct":
        low, high = data.window
        threshold = AIR
        offset = -low / (high - low)
        intensity = Intensity(1 / (high - low), offset, 1.0, 0.0, round(low))
        stored = np.rint(np.clip(resampled, low, high)).astype(np.int16)
    else:
        threshold = _otsu(resampled)
        low, high = (float(v) for v in np.percentile(resampled[resampled > threshold], data.percentiles))
        if not low < high:
            raise ImageError(f"the foreground has a single value ({low:g}): there is nothing to learn from")
        step = (high - low) / FULL_SCALE
        intensity = Intensity(1 / FULL_SCALE, 0.0, step, low, 0)
        stored = np.rint((np.clip(resampled, low, high) - low) / step).astype(np.int16)
    occupancy = np.stack(
        [cell_shares(resampled > threshold), cell_shares(_dense(resampled, modality, threshold))]
    )
    target = grid.with_spacing(data.spacing)
    return Prepared(stored, target, modality, intensity, occupancy, (*notes, *more))


def finite(values: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Replace a few values that are not finite by the smallest finite one; refuse many."""
    if values.dtype.kind != "f":
        if values.min() == values.max():
            raise ImageError(f"every voxel is {values.flat[0]}: the image is empty")
        return values, []
    good = np.isfinite(values)
    bad = values.size - int(np.count_nonzero(good))
    if bad > MAXIMUM_NOT_FINITE * values.size:
        raise ImageError(
            f"{bad / values.size:.0%} of the voxels are NaN or infinite; at most 1 % can be filled in"
        )
    notes = []
    if bad:
        values = np.where(good, values, values[good].min())
        notes.append(f"{bad} voxels that are NaN or infinite were set to the smallest value")
    if values.min() == values.max():
        raise ImageError(f"every voxel is {values.flat[0]}: the image is empty")
    return values, notes


def looks_like_hounsfield(values: NDArray[Any]) -> bool:
    """Whether at least one voxel in a thousand is fat or air (below −50 HU), which any CT of a body shows."""
    return float(np.mean(values[::2, ::2, ::2] < -50)) > 1e-3


def decide_modality(
    values: NDArray[Any], stated: Modality | None, forced: Modality | None
) -> tuple[Modality, list[str]]:
    """The modality to use; DICOM and data sets are believed unless the values or the user contradict.

    Raises:
        ImageError: the user and the file disagree, or values under a CT window are not Hounsfield units.
    """
    if forced and stated and forced != stated:
        raise ImageError(
            f"the file or data set says {stated}, --modality says {forced}: leave --modality away"
        )
    modality = forced or stated
    hounsfield = looks_like_hounsfield(values)
    if modality == "ct" and not hounsfield:
        raise ImageError(
            f"values from {values.min():g} to {values.max():g} are not Hounsfield units (no fat, no air below −50): "
            "if this is not a CT, ingest it with --modality mr; if it is, apply its rescale slope and intercept first"
        )
    return modality or ("ct" if hounsfield else "mr"), []


def resample(values: NDArray[Any], grid: Grid, data: Data) -> NDArray[np.float32]:
    """Linear interpolation onto `grid.with_spacing(data.spacing)`; (z, y, x) float32."""
    target = grid.with_spacing(data.spacing)
    result = np.ascontiguousarray(values, np.float32)
    # The axis that shrinks most first: fewer voxels for the next two passes.
    for axis in sorted(range(3), key=lambda a: target.shape[a] / grid.shape[a]):
        ratio = target.spacing[axis] / grid.spacing[axis]
        if ratio == 1.0 and target.shape[axis] == grid.shape[axis]:
            continue
        size, count = result.shape[axis], target.shape[axis]
        first, weights = linear_weights(size, (ratio - 1) / 2, ratio, count, data.antialias)
        shape = (*result.shape[:axis], count, *result.shape[axis + 1 :])
        output = np.empty(shape, np.float32)
        if axis == 2:
            resample_last(result.reshape(-1, size), output.reshape(-1, count), first, weights)
        else:
            before = int(np.prod(result.shape[:axis]))
            resample_axis(result.reshape(before, size, -1), output.reshape(before, count, -1), first, weights)
        result = output
    return result


def resample_label(values: NDArray[Any], grid: Grid, data: Data) -> NDArray[Any]:
    """Nearest neighbour onto `grid.with_spacing(data.spacing)`; the dtype stays."""
    target = grid.with_spacing(data.spacing)
    for axis in range(3):
        ratio = target.spacing[axis] / grid.spacing[axis]
        position = (ratio - 1) / 2 + ratio * np.arange(target.shape[axis])
        nearest = np.clip(np.floor(position + 0.5).astype(np.int64), 0, grid.shape[axis] - 1)
        values = np.take(values, nearest, axis=axis)
    return values


def cell_shares(mask: NDArray[np.floating[Any]] | NDArray[np.bool_]) -> NDArray[np.float32]:
    """Mean of a mask over each `CELL`³ block; the last block of an axis counts only the voxels that exist."""
    shares: NDArray[np.float32] = mask.astype(np.float32)
    for axis in range(3):
        edges = np.arange(0, mask.shape[axis], CELL)
        sums = np.add.reduceat(shares, edges, axis=axis)
        widths = np.diff(np.append(edges, mask.shape[axis])).astype(np.float32)
        shares = (sums / widths.reshape([-1 if a == axis else 1 for a in range(3)])).astype(np.float32)
    return shares


def _dense(values: NDArray[np.float32], modality: Modality, threshold: float) -> NDArray[np.float32]:
    """Dense voxels count 1, voxels that are dense only one slice on count ½ (published code, lungs)."""
    dense = values > (DENSE if modality == "ct" else threshold)
    weight = dense.astype(np.float32)
    weight[:-1] += 0.5 * (dense[1:] & ~dense[:-1])
    return weight


def _otsu(values: NDArray[np.float32]) -> float:
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(values))
