"""What may happen to a scan on its way from one archive to another; how much of it, chance decides."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Values = NDArray[np.float32]
Change = Callable[[Values, np.random.Generator], Values]


def _zoomed(values: Values, factors: object) -> Values:
    return ndimage.zoom(values, factors, order=1, grid_mode=True, mode="nearest")


def _cut(values: Values, before: NDArray[np.float64], after: NDArray[np.float64]) -> Values:
    edges = zip(values.shape, before, after, strict=True)
    return values[tuple(slice(round(a * n), n - round(b * n)) for n, a, b in edges)]


def _resolution(values: Values, rng: np.random.Generator) -> Values:
    return _zoomed(values, rng.uniform(0.4, 0.9))


def _stretched(values: Values, rng: np.random.Generator) -> Values:
    return _zoomed(values, rng.uniform(0.5, 1, values.ndim))


def _mirrored(values: Values, rng: np.random.Generator) -> Values:
    return np.flip(values, int(rng.integers(values.ndim)))


def _axes(values: Values, rng: np.random.Generator) -> Values:
    turned = np.transpose(values, rng.permutation(values.ndim))
    return turned[tuple(slice(None, None, int(rng.choice([1, -1]))) for _ in turned.shape)]


def _less(values: Values, rng: np.random.Generator) -> Values:
    return values[1:] if rng.integers(2) else values[:-1]


def _border(values: Values, rng: np.random.Generator) -> Values:
    """Up to 10 % on every side."""
    return _cut(values, rng.uniform(0, 0.1, values.ndim), rng.uniform(0, 0.1, values.ndim))


def _one_side(values: Values, rng: np.random.Generator) -> Values:
    """10 to 20 % at one end of one axis."""
    share = np.zeros((2, values.ndim))
    share[rng.integers(2), rng.integers(values.ndim)] = rng.uniform(0.1, 0.2)
    return _cut(values, *share)


def _padded(values: Values, rng: np.random.Generator) -> Values:
    """Up to 15 % of background on every side."""
    widths = [tuple((rng.uniform(0, 0.15, 2) * n).astype(int)) for n in values.shape]
    return np.pad(values, widths, constant_values=float(values.min()))


def _rotated(values: Values, rng: np.random.Generator) -> Values:
    """Up to 10° about one axis."""
    plane = tuple(rng.permutation(values.ndim)[:2].tolist())
    low = float(values.min())
    return ndimage.rotate(values, rng.uniform(-10, 10), plane, reshape=False, order=1, cval=low)


def _added(values: Values, rng: np.random.Generator) -> Values:
    return values + np.float32(rng.choice([-1, 1]) * 1.0)


def _eight_bits(values: Values, rng: np.random.Generator) -> Values:
    """Of a window that leaves most of it."""
    low, high = np.percentile(values, [rng.uniform(0, 2), rng.uniform(98.5, 100)])
    return np.round(np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.float32)


def _noise(values: Values, rng: np.random.Generator) -> Values:
    low, high = np.percentile(values, [1, 99])
    return values + (rng.uniform(0.02, 0.08) * (high - low) * rng.standard_normal(values.shape)).astype("f4")


def _smoothed(values: Values, rng: np.random.Generator) -> Values:
    return ndimage.gaussian_filter(values, rng.uniform(0.5, 1.5))


def _gamma(values: Values, rng: np.random.Generator) -> Values:
    low, high = float(values.min()), float(values.max())
    return low + (high - low) * ((values - low) / (high - low)) ** np.float32(rng.uniform(0.6, 1.7))


def _jpeg(values: Values, rng: np.random.Generator) -> Values:
    file = io.BytesIO()
    picture = Image.fromarray(np.round(255 * np.clip(values, 0, 1)).astype(np.uint8))
    picture.save(file, "JPEG", quality=int(rng.integers(20, 90)))
    return np.asarray(Image.open(file)).astype(np.float32) / 255


def _negative(values: Values, _: np.random.Generator) -> Values:
    return values.max() - values


def _marked(values: Values, rng: np.random.Generator) -> Values:
    """A side marker of the brightest value."""
    changed = values.copy()
    y, x = (int(rng.uniform(0, 0.85) * n) for n in values.shape)
    changed[y : y + values.shape[0] // 10, x : x + values.shape[1] // 8] = values.max()
    return changed


_BOTH: dict[str, Change] = {
    "0.4 to 0.9 of the resolution": _resolution,
    "another resolution on each axis": _stretched,
    "mirrored": _mirrored,
    "axes in another order": _axes,
    "cut by 0–10 % on every side": _border,
    "cut by 10–20 % on one side": _one_side,
    "padded by 0–15 % on every side": _padded,
    "rotated by up to 10°": _rotated,
    "another window, 8 bits": _eight_bits,
    "noise": _noise,
    "smoothed": _smoothed,
}
OF_VOLUMES = _BOTH | {"a slice less": _less, "1 HU more or less": _added}
OF_RADIOGRAPHS = _BOTH | {
    "JPEG of quality 20–90": _jpeg,
    "another curve of grey values": _gamma,
    "negative": _negative,
    "marked": _marked,
}


def bent(values: Values, share: float, rng: np.random.Generator) -> Values:
    """A body of another shape with the same organs: moved here and there by a share of the field of view (RMS)."""
    places = np.indices(values.shape).astype(np.float32)
    for axis, edge in zip(places, values.shape, strict=True):
        coarse = rng.standard_normal([max(4, n // 8) for n in values.shape])
        field = ndimage.gaussian_filter(coarse, 1.5)
        field = ndimage.zoom(field, [n / m for n, m in zip(values.shape, field.shape, strict=True)], order=1)
        axis += share * edge * field / field.std()
    return ndimage.map_coordinates(values, places, order=1, mode="nearest")
