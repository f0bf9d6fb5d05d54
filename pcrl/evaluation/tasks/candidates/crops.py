"""One crop out of a cached scan, as it lies or shifted, mirrored and turned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Size
from pcrl.config.volumes import Jitter
from pcrl.engine.cache.chunks.boxes import BoxReader
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.kernels.streams import Draws, stream
from pcrl.kernels.volumes.warp import affine_matrix, gather

PLACE, TURN = range(2)
"""What is drawn: each from a stream of its own."""


@dataclass(frozen=True, slots=True)
class Crop:
    """What is shown of a candidate.

    Args:
        shift: whole voxels (z, y, x) from the candidate to the middle of the crop.
        matrix: 3×3, offsets from the middle of the crop → offsets in the volume, (z, y, x); turns and mirrors. None
            for voxels as they lie.
    """

    shift: tuple[int, int, int]
    matrix: NDArray[np.float64] | None


class Buffers:
    """What one thread needs; grows with the largest box that it has met."""

    def __init__(self) -> None:
        self.scratch = Scratch()
        self._stored, self._values = np.empty(0, np.int16), np.empty(0, np.float32)

    def of(self, size: Size) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        """Uninitialised (z, y, x) buffers for stored voxels and for values."""
        count = math.prod(size)
        if count > self._stored.size:
            self._stored, self._values = np.empty(count, np.int16), np.empty(count, np.float32)
        return self._stored[:count].reshape(size), self._values[:count].reshape(size)


class OpenScan:
    """The file of a case, and what its stored integers mean. Shared by all threads."""

    def __init__(self, case: CachedCase) -> None:
        self.shape, self.intensity = case.record.grid.shape, case.record.intensities[0]
        self.boxes = BoxReader(case.voxels.table)

    def cut(
        self, centre: NDArray[np.float64], crop: Crop, buffers: Buffers, output: NDArray[np.float32]
    ) -> None:
        """Read the box that holds a crop about `centre` (voxels), and turn it into `output`."""
        size = _size_to_read(crop, output.shape)
        z, y, x = (
            math.floor(at + shift - (edge - 1) / 2 + 0.5)
            for at, shift, edge in zip(centre.tolist(), crop.shift, size, strict=True)
        )
        stored, values = buffers.of(size)
        if any(a < 0 or a + edge > n for a, edge, n in zip((z, y, x), size, self.shape, strict=True)):
            stored.fill(self.intensity.air)
        self.boxes.read(0, (z, y, x), stored, buffers.scratch)
        if crop.matrix is None:
            np.multiply(stored, np.float32(self.intensity.scale), out=output)
            output += np.float32(self.intensity.offset)
            return
        np.copyto(values, stored)
        # The kernel stretches the output over what it is given; these factors take that back.
        matrix = crop.matrix * (np.array(output.shape) / size)[:, None]
        gather(values, output, matrix, False, self.intensity.scale, self.intensity.offset)


def _size_to_read(crop: Crop, shape: Sequence[int]) -> Size:
    """The smallest box with the middle of the crop in its own, and with all corners of the crop in it."""
    half = (np.array(shape) - 1) / 2
    # How far the corners reach on each axis; a rounding error is no reason for another voxel.
    reach = half if crop.matrix is None else np.abs(crop.matrix) @ half - 1e-9
    z, y, x = (
        edge + 2 * math.ceil(max(0.0, far - middle))
        for edge, far, middle in zip(shape, reach.tolist(), half.tolist(), strict=True)
    )
    return z, y, x


def drawn_crop(key: int, jitter: Jitter) -> Crop:
    """A crop for training: shifted, mirrored on every axis or not, and turned a little about every axis."""
    place = Draws(stream(key, PLACE))
    z, y, x = (place.integer(-jitter.shift, jitter.shift) for _ in range(3))
    turn = Draws(stream(key, TURN))
    mirror_z, mirror_y, mirror_x = (1.0 if turn.uniform() < 0.5 else -1.0 for _ in range(3))
    largest = math.radians(jitter.angle)
    angle_z, angle_y, angle_x = (turn.uniform(-largest, largest) for _ in range(3))
    return Crop((z, y, x), affine_matrix((mirror_z, mirror_y, mirror_x), (angle_z, angle_y, angle_x)))
