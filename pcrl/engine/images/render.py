"""Samples of images: drawn, read out of their shards, rendered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageRecipe
from pcrl.engine.batch import SampleSlot, StageTimes
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.images.dataset import CachedImages, edge, scale_of
from pcrl.engine.cache.images.reader import ImageReader
from pcrl.engine.images.cut import ImageWorkspace
from pcrl.engine.images.views import draw_settings, empty_plan, plan_views
from pcrl.kernels.clock import share
from pcrl.kernels.images.sample import SampleViews, render_views

SPARE_SHARDS = 16
"""Shards kept open beyond the window of the order."""


class Workspace(ImageWorkspace):
    """What one thread needs: room to decompress into, to draw in, and to render in.

    Args:
        ticks: time that the sample being made has taken, in any unit: cutting and turning, corrupting.
    """

    def __init__(self, recipe: ImageRecipe, longest: int) -> None:
        super().__init__([recipe.views.global_shape, recipe.views.local_shape], longest)
        self.scratch = Scratch()
        self.plan = empty_plan(recipe.views, recipe.corruption)
        self.ticks = np.zeros(2, np.int64)


class ImageRenderer:
    """Renders samples of images; see `pcrl.engine.batch.Renderer`. A group is what is chosen of a shard.

    Args:
        sets: data sets, and the positions in their tables of the images to be drawn from.
    """

    def __init__(self, sets: Sequence[tuple[CachedImages, NDArray[np.int64]]], recipe: ImageRecipe) -> None:
        self.recipe, self._sets = recipe, [images for images, _ in sets]
        self._settings = draw_settings(recipe.views, recipe.corruption)
        keep = recipe.training.window + SPARE_SHARDS
        # Where damaged ones are skipped, each shard says so itself.
        skips = recipe.training.on_corrupt == "skip"
        folders = [images.folder if skips else images.files for images in self._sets]
        self._readers = [
            ImageReader(folder, images.record.recipe.data, keep)
            for folder, images in zip(folders, self._sets, strict=True)
        ]
        self._sizes = [[(h, w) for h, w in images.table.shapes.tolist()] for images in self._sets]
        self._scales = [scale_of(images.record.recipe.data) for images in self._sets]
        # Sorted by place in the stack, so that the images of a shard are neighbours.
        rows = [
            (number, int(images.table.index[n]), int(n))
            for number, (images, chosen) in enumerate(sets)
            for n in chosen[np.argsort(images.table.index[chosen])]
        ]
        self._rows = np.array(rows, np.int64).reshape(-1, 3)
        shards = [self._shard_of(row) for row in range(len(rows))]
        self._shards = [shard for shard, _ in groupby(shards)]
        sizes = [len(list(same)) for _, same in groupby(shards)]
        self.groups = tuple(n * recipe.training.samples_per_case for n in sizes)

    @property
    def files(self) -> list[Path]:
        """See `pcrl.engine.batch.Renderer`."""
        return [self._readers[number].file_of(shard) for number, shard in self._shards]

    def workspace(self) -> Workspace:
        """Buffers for a thread."""
        return Workspace(self.recipe, max(edge(images.record.recipe.data) for images in self._sets))

    def name_of(self, sample: int) -> str:
        """See `pcrl.engine.batch.Renderer`."""
        number, _, position = self._row(sample)
        return f"{self._sets[number].name}/{self._sets[number].table.names[position]}"

    def read_ahead(self, group: int, block: bytearray | None) -> None:
        """See `pcrl.engine.batch.Renderer`."""
        number, shard = self._shards[group]
        opened = self._readers[number].shard(shard)
        if block is not None:
            opened.file.read_ahead(block)

    def make(self, key: int, sample: int, workspace: Workspace, to: SampleSlot) -> tuple[bool, StageTimes]:
        """Draw, read and render one sample; see `pcrl.engine.batch.Renderer`. There are no fallbacks."""
        number, index, position = self._row(sample)
        begun = time.perf_counter()
        plan, ticks = workspace.plan, workspace.ticks
        size = self._sizes[number][position]
        plan_views(key, size, self._settings, plan)
        to.holes[:, to.position] = plan.holes
        planned = time.perf_counter()
        image = self._readers[number].read(index, workspace.scratch)
        read = time.perf_counter()
        ticks[:] = 0
        views = SampleViews(to.globals, to.target, to.locals, to.position)
        render_views(image, self._scales[number], plan, views, workspace.room, ticks)
        rendered = time.perf_counter() - read
        decode = (read - planned) * workspace.scratch.share_of_decoding()
        gather = rendered * share(int(ticks[0]), int(ticks.sum()))
        return False, StageTimes(planned - begun, read - planned - decode, decode, gather, rendered - gather)

    def image(self, sample: int, workspace: Workspace) -> NDArray[Any]:
        """The chunk that holds the image of a sample; see `ImageReader.read`."""
        number, index, _ = self._row(sample)
        return self._readers[number].read(index, workspace.scratch)

    def read_cost(self, key: int, sample: int) -> tuple[int, int]:
        """See `pcrl.engine.batch.Renderer`."""
        number, index, _ = self._row(sample)
        shard, place = divmod(index, self._readers[number].data.shard)
        return 1, int(self._readers[number].shard(shard).sizes[place])

    def _row(self, sample: int) -> tuple[int, int, int]:
        number, index, position = self._rows[sample // self.recipe.training.samples_per_case].tolist()
        return number, index, position

    def _shard_of(self, row: int) -> tuple[int, int]:
        number, index, _ = self._rows[row].tolist()
        return number, index // self._readers[number].data.shard
