"""Labelled volumes as the segmentation network sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Size
from pcrl.engine.cache.cache import CachedCase


@dataclass(frozen=True, slots=True)
class Volume:
    """A case on the cache's grid.

    Args:
        image: (channel, z, y, x) float32, normalised as `image_of` does.
        label: (z, y, x) int64, class numbers.
    """

    case: CachedCase
    image: NDArray[np.float32]
    label: NDArray[np.int64]


def image_of(case: CachedCase, window: tuple[float, float] | None) -> NDArray[np.float32]:
    """The image of a case, normalised: (channel, z, y, x) float32.

    CT: `window` (HU) to [-1, 1], so that a value is the same tissue in every patient; none is the window of the cache.
    Others: mean 0 and deviation 1 over the volume.
    """
    stored = case.image.read().astype(np.float32)
    for channel, intensity in zip(stored, case.record.intensities, strict=True):
        if case.record.modality == "ct":
            low, high = window or case.record.settings.window
            channel *= intensity.slope
            channel += intensity.intercept - (low + high) / 2
            channel /= (high - low) / 2
            np.clip(channel, -1, 1, out=channel)
        else:
            channel -= channel.mean()
            channel /= max(float(channel.std()), 1e-6)
    return stored


def classes_of(label: NDArray[np.integer], values: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Class numbers from label values: class k + 1 is any of `values[k]`, the rest is background."""
    classes = np.zeros(label.shape, np.int64)
    for number, group in enumerate(values, 1):
        classes[np.isin(label, group)] = number
    return classes


def load(case: CachedCase, window: tuple[float, float] | None, values: Sequence[Sequence[int]]) -> Volume:
    """Read a labelled case whole."""
    return Volume(case, image_of(case, window), classes_of(case.label().read(), values))


def draw_patch(
    volume: Volume, size: Size, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """A random patch, every second one around a labelled voxel; padded with the image's minimum where it must be.

    Returns:
        image (channel, *size) float32 and label (*size) int64.
    """
    shape = volume.label.shape
    labelled = np.flatnonzero(volume.label) if rng.random() < 0.5 else np.empty(0, np.int64)
    start = []
    if labelled.size:
        centre = np.unravel_index(rng.choice(labelled), shape)
        for c, edge, n in zip(centre, size, shape, strict=True):
            start.append(int(np.clip(c - edge // 2, min(0, n - edge), max(0, n - edge))))
    else:
        for edge, n in zip(size, shape, strict=True):
            start.append(int(rng.integers(min(0, n - edge), max(0, n - edge) + 1)))
    image = np.empty((len(volume.image), *size), np.float32)
    image[:] = volume.image.min(axis=(1, 2, 3), keepdims=True)
    label = np.zeros(size, np.int64)
    source = tuple(slice(max(0, s), min(n, s + e)) for s, e, n in zip(start, size, shape, strict=True))
    target = tuple(slice(part.start - s, part.stop - s) for part, s in zip(source, start, strict=True))
    image[(slice(None), *target)] = volume.image[(slice(None), *source)]
    label[target] = volume.label[source]
    return image, label
