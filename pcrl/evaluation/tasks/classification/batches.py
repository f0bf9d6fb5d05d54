"""Batches of images straight from the cache, rendered by threads a few batches ahead of the network."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from pcrl.config import Classification, ImageRecipe
from pcrl.cores import usable_cores
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.images.dataset import CachedImages, edge, scale_of
from pcrl.engine.cache.images.reader import ImageReader
from pcrl.engine.images.cut import ImageWorkspace, cut_image
from pcrl.engine.images.views import ImageBox, crop_of
from pcrl.evaluation.finetune.ahead import ahead
from pcrl.evaluation.tasks.supervision import Pixels, Rows
from pcrl.kernels.streams import Draws, sample_key, stream

MIDDLE = 224 / 256
"""Share of the shorter side that is scored (published: resized to 256, the middle 224 cut out)."""
CROP, TURN = range(2)
"""What is drawn: each from a stream of its own."""
UNCHANGED = 0
"""In place of an epoch, which count from 1: the order of images that are shown without learning from them."""
KEPT_OPEN = 512
"""Shards that stay open: those of half a million images."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is shown of an image, turned by an angle (radians) and perhaps flipped."""

    box: ImageBox
    angle: float = 0.0
    flip: bool = False


class ImageBatches:
    """Images of a data set as the classifier sees them, by their position in its table.

    What comes is the same for any number of threads.

    Args:
        threads: 0 for as many as there are cores that this process may use.
    """

    def __init__(self, images: CachedImages, recipe: ImageRecipe, threads: int = 0) -> None:
        data = images.record.recipe.data
        self.table, self.settings, self._longest = images.table, recipe.finetuning, edge(data)
        self._reader, self._scale = ImageReader(images.files, data, KEPT_OPEN), scale_of(data)
        self._pool = ThreadPoolExecutor(threads or usable_cores(), "pcrl-images")
        self._own = threading.local()

    def augmented(self, rows: Rows, seed: int, epoch: int) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for training: all images once, in a seeded order, each cropped, turned and flipped anew.

        Yields:
            Positions (n,) and pixels (n, 1, y, x) in [0, 1].
        """

        def cut(row: int) -> Cut:
            key = sample_key(seed, epoch, int(self.table.index[row]))
            return drawn_cut(key, self._size(row), self.settings)

        return self._rendered(shuffled(rows, self.settings.batch_size, seed, epoch), cut)

    def steps(self, rows: Rows) -> int:
        """How many batches these images make in training."""
        return math.ceil(len(rows) / self.settings.batch_size)

    def unchanged(self, rows: Rows, seed: int, batches: int) -> Iterator[tuple[Rows, Pixels]]:
        """So many batches at most of a seeded order, as large as in training: the middle of each image."""
        order = shuffled(rows, self.settings.batch_size, seed, UNCHANGED)[:batches]
        return self._rendered(order, lambda row: Cut(middle(self._size(row), self.settings.shape)))

    def plain(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for scoring, in the order of `rows`: the middle of each image. Yields as `augmented`."""
        size = self.settings.batch_size
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        return self._rendered(batches, lambda row: Cut(middle(self._size(row), self.settings.shape)))

    def _size(self, row: int) -> tuple[int, int]:
        height, width = self.table.shapes[row].tolist()
        return height, width

    def _rendered(self, batches: Sequence[Rows], cut: Callable[[int], Cut]) -> Iterator[tuple[Rows, Pixels]]:
        made: deque[tuple[Rows, Pixels]] = deque()

        def makers() -> Iterator[list[Callable[[], None]]]:
            for rows in batches:
                pixels = np.empty((len(rows), 1, *self.settings.shape), np.float32)
                made.append((rows, pixels))
                yield [partial(self._render, row, cut, pixels[n, 0]) for n, row in enumerate(rows.tolist())]

        for _ in ahead(self._pool, makers()):
            yield made.popleft()

    def _render(self, row: int, cut: Callable[[int], Cut], output: Pixels) -> None:
        if not hasattr(self._own, "scratch"):
            workspace = ImageWorkspace([self.settings.shape], self._longest)
            self._own.scratch, self._own.workspace = Scratch(), workspace
        what = cut(row)
        # The image is at the top left of what is read, and the box within the image.
        image = self._reader.read(int(self.table.index[row]), self._own.scratch)
        cut_image(image, what.box, what.angle, what.flip, self._scale, self._own.workspace, output)


def drawn_cut(key: int, size: tuple[int, int], settings: Classification) -> Cut:
    """A random crop of an image of `size` (y, x), how it is turned, and whether it is flipped."""
    box = crop_of(stream(key, CROP), size, settings.area, settings.aspect)
    turn = Draws(stream(key, TURN))
    angle = math.radians(turn.uniform(-settings.angle, settings.angle))
    return Cut(box, angle, turn.uniform() < settings.flip_probability)


def middle(size: tuple[int, int], shape: tuple[int, int]) -> ImageBox:
    """The middle of an image of `size`, of the aspect ratio of `shape`: `MIDDLE` of the largest such box."""
    ratio = MIDDLE * min(n / edge for n, edge in zip(size, shape, strict=True))
    height, width = (max(1, round(ratio * edge)) for edge in shape)
    return (size[0] - height) // 2, (size[1] - width) // 2, height, width


def shuffled(rows: Rows, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """All rows in a seeded order, in batches that differ by at most one image; a single image comes twice.

    The last batch is as large as the others, as BatchNorm could do nothing with a rest of one.
    """
    order = np.random.default_rng([seed, 1, epoch]).permutation(rows)
    if len(order) == 1:
        order = np.repeat(order, 2)
    return list(np.array_split(order, math.ceil(len(order) / batch_size)))
