"""A sheet of images and of views drawn from them: is the cache what one thinks it is?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pcrl.engine.cache.images.dataset import CachedImages, scale_of
from pcrl.engine.images.render import ImageRenderer
from pcrl.engine.loading.batch import SampleSlot
from pcrl.kernels.streams import sample_key

COLUMNS = ("image", "target", "view 1", "view 2", "local view")


def save_image_preview(path: Path, images: CachedImages, count: int) -> int:
    """Write a PNG with a row for each of up to `count` images: itself, and the first sample drawn of it.

    Returns:
        Images shown.

    Raises:
        CacheError: an image is damaged.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table, recipe = images.table, images.record.recipe
    chosen = np.arange(len(table))[:: max(1, len(table) // count)][:count]
    figure = Figure(figsize=(1.9 * len(COLUMNS), 2.05 * len(chosen) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    grid: Any = figure.subplots(len(chosen), len(COLUMNS), squeeze=False)
    renderer = ImageRenderer([(images, chosen)], recipe)
    workspace, views = renderer.workspace(), recipe.views
    for number, (position, axes) in enumerate(zip(chosen.tolist(), grid, strict=True)):
        place = SampleSlot.of_one(recipe)
        sample = number * recipe.training.samples_per_case
        renderer.make(sample_key(recipe.training.seed, 0, sample), sample, workspace, place)
        for view, holes in zip(place.views, place.holes[:, 0], strict=False):
            for y0, x0, y1, x1 in holes.tolist():
                view[y0:y1, x0:x1] = 0.5
        height, width = table.shapes[position].tolist()
        stored = renderer.image(sample, workspace)[:height, :width] * scale_of(recipe.data)
        last = place.views[2] if views.locals else np.zeros(views.local_shape, np.float32)
        shown = (stored, place.target[0, 0], place.views[0], place.views[1], last)
        for axis, name, image in zip(axes, COLUMNS, shown, strict=True):
            axis.imshow(image, cmap="gray", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            if number == 0:
                axis.set_title(name, fontsize=9)
        axes[0].set_ylabel(table.names[position][-28:], fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    return len(chosen)
