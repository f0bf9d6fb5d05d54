"""The voxels of a cache as plain memory maps, for pipelines that cannot read a cache."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.config import VolumeRecipe
from pcrl.engine.selection.volumes import VolumeSelection


def memory_maps(selection: VolumeSelection, folder: Path) -> list[Path]:
    """Files of uncompressed voxels, (z, y, x) int16, of every CT that is as large as the largest views."""
    folder.mkdir(parents=True, exist_ok=True)
    edges = largest(selection.recipe.views.global_boxes)
    found = []
    for case in selection.cases:
        path = folder / f"{case.dataset}-{case.name}.npy"
        if not path.exists():
            np.save(path, case.voxels.read()[0])
        shape = np.load(path, mmap_mode="r").shape
        if all(edge <= size for edge, size in zip(edges, shape, strict=True)):
            found.append(path)
    if not found:
        raise SystemExit(f"no volume of this cache is as large as the largest view, {edges}")
    return found


def largest(boxes: tuple[tuple[int, int, int], ...]) -> tuple[int, int, int]:
    """Edges of the smallest box that holds any of these."""
    z, y, x = (max(edges) for edges in zip(*boxes, strict=True))
    return z, y, x


class Boxes:
    """Draws the boxes of a sample as the published code does: a global pair that overlaps, local ones within both.

    Each worker has its own.
    """

    def __init__(self, paths: list[Path], recipe: VolumeRecipe, seed: int) -> None:
        self.volumes: list[NDArray[np.int16]] = [np.load(path, mmap_mode="r") for path in paths]
        self.views, self.random = recipe.views, np.random.default_rng(seed)

    def sample(self) -> tuple[list[NDArray[np.int16]], list[NDArray[np.int16]]]:
        """The voxels of the global boxes, and of the local ones."""
        volume = self.volumes[self.random.integers(len(self.volumes))]
        shape, views = np.array(volume.shape), self.views
        (first, n), (second, m) = self._pair(shape)
        low, high = np.minimum(first, second), np.maximum(first + n, second + m)
        inner = []
        for _ in range(views.locals):
            edges = np.minimum(self._edges(views.local_boxes), high - low)
            inner.append((low + self.random.integers(0, high - low - edges + 1), edges))
        return [_cut(volume, *box) for box in ((first, n), (second, m))], [
            _cut(volume, *box) for box in inner
        ]

    def _pair(self, shape: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        while True:
            boxes = []
            for _ in range(2):
                edges = self._edges(self.views.global_boxes)
                margin = np.minimum(self.views.margin, (shape - edges) // 2)
                boxes.append((self.random.integers(margin, shape - edges - margin + 1), edges))
            (a, n), (b, m) = boxes
            common = float(np.maximum(0, np.minimum(a + n, b + m) - np.maximum(a, b)).prod())
            if common / (math.prod(n) + math.prod(m) - common) > self.views.minimum_iou:
                return boxes

    def _edges(self, boxes: tuple[tuple[int, int, int], ...]) -> NDArray[np.int64]:
        return np.array(boxes[self.random.integers(len(boxes))])


def _cut(volume: NDArray[np.int16], start: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int16]:
    return volume[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))]
