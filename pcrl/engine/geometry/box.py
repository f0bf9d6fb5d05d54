"""Boxes of voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pcrl.config import Size

Index = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """A box of voxels, in the volume's indices; may reach beyond the volume, where there is air."""

    start: Index
    size: Size

    @property
    def stop(self) -> Index:
        """First index after the box, per axis."""
        z, y, x = (a + n for a, n in zip(self.start, self.size, strict=True))
        return z, y, x

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        start = tuple(min(a, b) for a, b in zip(self.start, other.start, strict=True))
        stop = tuple(max(a, b) for a, b in zip(self.stop, other.stop, strict=True))
        z, y, x = (b - a for a, b in zip(start, stop, strict=True))
        return Box((start[0], start[1], start[2]), (z, y, x))

    def iou(self, other: Box) -> float:
        """Intersection over union."""
        common = 1
        for a0, a1, b0, b1 in zip(self.start, self.stop, other.start, other.stop, strict=True):
            common *= max(0, min(a1, b1) - max(a0, b0))
        return common / (math.prod(self.size) + math.prod(other.size) - common)
