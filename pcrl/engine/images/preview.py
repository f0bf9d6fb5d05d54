"""A sheet of images and of views drawn from them, to check a cache by eye."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.batch import SampleSlot
from pcrl.engine.cache.images.dataset import CachedImages, scale_of
from pcrl.engine.images.render import ImageRenderer
from pcrl.engine.preview import Picture, save_sheet
from pcrl.kernels.streams import sample_key

COLUMNS = ("image", "target", "view 1", "view 2", "local view")


def save_image_preview(path: Path, images: CachedImages, count: int) -> int:
    """Write a PNG with a row for each of up to `count` images: itself, and the first sample drawn of it.

    Returns:
        Images shown.

    Raises:
        CacheError: an image is damaged.
    """
    chosen = np.arange(len(images.table))[:: max(1, len(images.table) // count)][:count]
    save_sheet(path, COLUMNS, len(chosen), _rows(images, chosen))
    return len(chosen)


def _rows(images: CachedImages, chosen: NDArray[np.int64]) -> Iterator[tuple[str, list[Picture]]]:
    """The name of each image; itself, target, both global views and the first local view."""
    table, recipe = images.table, images.record.recipe
    renderer = ImageRenderer([(images, chosen)], recipe)
    workspace, views = renderer.workspace(), recipe.views
    for number, position in enumerate(chosen.tolist()):
        slot = SampleSlot.of_one(recipe)
        sample = number * recipe.training.samples_per_case
        renderer.make(sample_key(recipe.training.seed, 0, sample), sample, workspace, slot)
        for view, holes in zip(slot.views, slot.holes[:, 0], strict=False):
            for y0, x0, y1, x1 in holes.tolist():
                view[y0:y1, x0:x1] = 0.5
        height, width = table.shapes[position].tolist()
        stored = renderer.image(sample, workspace)[:height, :width] * scale_of(recipe.data)
        last = slot.views[2] if views.locals else np.zeros(views.local_shape, np.float32)
        shown = (stored, slot.target[0, 0], slot.views[0], slot.views[1], last)
        yield table.names[position], [Picture(values) for values in shown]
