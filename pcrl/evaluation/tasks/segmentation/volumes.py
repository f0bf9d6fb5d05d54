"""Labelled volumes as the segmentation network sees them: patches straight from the cache, or all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Modality, Size
from pcrl.engine.cache.chunks.boxes import BoxReader
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.volumes.body import background_limit

_VOXELS = 10_000
"""Voxels of each label value that patches are drawn round: more would be no better."""
Window = tuple[float, float] | None
"""Of CT, HU; none is the window of the cache."""
Voxel = tuple[int, int, int]


class Intensity(Protocol):
    """What stored integers of a channel mean; of a case in the cache, or of a scan that was just prepared."""

    @property
    def slope(self) -> float:
        """`original = slope · stored + intercept`."""

    @property
    def intercept(self) -> float:
        """See `slope`."""

    @property
    def air(self) -> int:
        """Stored value of empty space."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Stored integers to what the network sees, by channel: `value = scale · stored + offset`.

    CT: the window (HU) to [-1, 1] and clipped there, so that a value is the same tissue in every patient.
    Others: mean 0 and deviation 1 over what is not empty.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    clip: bool

    def apply(self, stored: NDArray[np.int16]) -> NDArray[np.float32]:
        """(channel, z, y, x) int16 to float32."""
        image = stored.astype(np.float32)
        for channel, scale, offset in zip(image, self.scale, self.offset, strict=True):
            channel *= scale
            channel += offset
        return np.clip(image, -1, 1, out=image) if self.clip else image

    def air(self, intensities: Sequence[Intensity]) -> tuple[float, ...]:
        """What air, or nothing, comes to in each channel: what a patch holds where the scan ends."""
        stored = np.array([intensity.air for intensity in intensities], np.int16)
        return tuple(self.apply(stored[:, None, None, None]).ravel().tolist())


def normalisation(
    modality: Modality,
    intensities: Sequence[Intensity],
    window: tuple[float, float],
    stored: NDArray[np.int16] | None,
) -> Normalisation:
    """How an image is normalised.

    Args:
        intensities: of its channels.
        window: of CT, HU.
        stored: (channel, z, y, x); not needed of CT.
    """
    if modality == "ct":
        low, high = window
        half = (high - low) / 2
        scales = [i.slope / half for i in intensities]
        offsets = [(i.intercept - (low + high) / 2) / half for i in intensities]
        return Normalisation(tuple(scales), tuple(offsets), clip=True)
    assert stored is not None
    scales, offsets = [], []
    for channel, intensity in zip(stored, intensities, strict=True):
        inside = channel[channel > max(intensity.air, background_limit(channel))]
        mean, deviation = (float(inside.mean()), float(inside.std())) if inside.size else (0.0, 1.0)
        scales.append(1 / max(deviation, 1e-6))
        offsets.append(-mean / max(deviation, 1e-6))
    return Normalisation(tuple(scales), tuple(offsets), clip=False)


def of_case(case: CachedCase, window: Window, stored: NDArray[np.int16] | None = None) -> Normalisation:
    """How a case is normalised; its voxels are read if that is necessary, and `stored` does not hold them."""
    record = case.record
    if stored is None and record.modality != "ct":
        stored = case.voxels.read()
    return normalisation(record.modality, record.intensities, window or record.settings.window, stored)


def image_of(case: CachedCase, window: Window) -> NDArray[np.float32]:
    """The whole image of a case, normalised: (channel, z, y, x) float32."""
    return image_and_air(case, window)[0]


def image_and_air(case: CachedCase, window: Window) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """The whole image of a case, normalised, and what is beyond it in each channel."""
    stored = case.voxels.read()
    normal = of_case(case, window, stored)
    return normal.apply(stored), normal.air(case.record.intensities)


class Volume:
    """A labelled case that patches are cut from. In memory are its label, as far as it reaches, and an open file."""

    def __init__(self, case: CachedCase, window: Window) -> None:
        self.case = case
        self.normalisation = of_case(case, window)
        label = case.label().read()
        self.shape: Voxel = label.shape
        inside = np.argwhere(label.any(axis=(1, 2)))[[0, -1], 0] if label.any() else np.array([0, -1])
        self._first = int(inside[0])
        self._label = label[inside[0] : inside[1] + 1].copy()
        rng = np.random.default_rng(0)
        self._voxels = {}
        for value in np.unique(self._label):
            if value:
                indices = np.flatnonzero(self._label == value)
                self._voxels[int(value)] = rng.permutation(indices)[:_VOXELS]

    @cached_property
    def _boxes(self) -> BoxReader:
        return BoxReader(self.case.voxels.table)

    def draw(self, size: Size, values: frozenset[int], rng: np.random.Generator) -> Voxel:
        """First voxel of a random patch; every second one is round a voxel of one of `values`, each as often."""
        known = sorted(values & self._voxels.keys())
        centre = None
        if rng.random() < 0.5 and known:
            index = int(rng.choice(self._voxels[known[int(rng.integers(len(known)))]]))
            z, y, x = np.unravel_index(index, self._label.shape)
            centre = self._first + z, y, x
        start = []
        for axis, (edge, n) in enumerate(zip(size, self.shape, strict=True)):
            low, high = min(0, n - edge), max(0, n - edge)
            first = rng.integers(low, high + 1) if centre is None else centre[axis] - edge // 2
            start.append(int(np.clip(first, low, high)))
        return start[0], start[1], start[2]

    def image(self, start: Voxel, size: Size, scratch: Scratch) -> NDArray[np.float32]:
        """The image from `start` on, (channel, *size) float32; empty space where the volume ends."""
        intensities = self.case.record.intensities
        stored = np.empty((len(intensities), *size), np.int16)
        for channel, intensity in enumerate(intensities):
            stored[channel] = intensity.air
            self._boxes.read(channel, start, stored[channel], scratch)
        return self.normalisation.apply(stored)

    def label(self, start: Voxel, size: Size) -> NDArray[np.int64]:
        """The label values from `start` on, (*size) int64; 0 where there is none."""
        values = np.zeros(size, np.int64)
        start = (start[0] - self._first, *start[1:])
        source = tuple(
            slice(max(0, s), max(0, min(n, s + e)))
            for s, e, n in zip(start, size, self._label.shape, strict=True)
        )
        target = tuple(
            slice(part.start - s, part.start - s + max(0, part.stop - part.start))
            for part, s in zip(source, start, strict=True)
        )
        cut = self._label[source]
        if cut.size:
            values[target] = cut
        return values
