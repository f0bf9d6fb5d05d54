"""A sheet of cases and of views drawn from them: is the cache what one thinks it is?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import TissueRule, VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.loading.batch import SampleSlot
from pcrl.engine.volumes.render import VolumeRenderer
from pcrl.kernels.streams import sample_key

COLUMNS = ("axial", "coronal", "sagittal", "target", "view 1", "view 2", "local view")


def save_preview(
    path: Path, cases: Sequence[CachedCase], rules: Sequence[TissueRule], recipe: VolumeRecipe
) -> None:
    """Write a PNG with a row for each case: three slices through its middle, and the first sample drawn of it.

    Raises:
        CacheError: a case is damaged.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.9 * len(COLUMNS), 2.05 * len(cases) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    grid: Any = figure.subplots(len(cases), len(COLUMNS), squeeze=False)
    renderer = VolumeRenderer(cases, rules, recipe)
    for index, (case, axes) in enumerate(zip(cases, grid, strict=True)):
        images = [*_slices(case), *_views(renderer, index)]
        spacing = case.record.grid.spacing
        aspects = [spacing[1] / spacing[2], spacing[0] / spacing[2], spacing[0] / spacing[1], 1, 1, 1, 1]
        for axis, name, image, aspect in zip(axes, COLUMNS, images, aspects, strict=True):
            bounded = name in ("axial", "coronal", "sagittal", "target")
            axis.imshow(
                image, cmap="gray", aspect=aspect, vmin=0 if bounded else None, vmax=1 if bounded else None
            )
            axis.set_xticks([])
            axis.set_yticks([])
            if index == 0:
                axis.set_title(name, fontsize=9)
        axes[0].set_ylabel(f"{case.dataset}/{case.name}"[-28:], fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _slices(case: CachedCase) -> list[NDArray[np.float32]]:
    """Middle slices in [0, 1]; the head is up in the coronal and the sagittal one."""
    intensity = case.record.intensities[0]
    volume = case.image.read()[0]
    z, y, x = (n // 2 for n in volume.shape)
    slices = (volume[z], volume[::-1, y], volume[::-1, :, x])
    return [one.astype(np.float32) * intensity.scale + intensity.offset for one in slices]


def _views(renderer: VolumeRenderer, index: int) -> list[NDArray[np.float32]]:
    """Middle slices of the target, both global views and the first local view."""
    training, views = renderer.recipe.training, renderer.recipe.views
    place = SampleSlot.of_one(renderer.recipe)
    sample = index * training.samples_per_case
    renderer.make(sample_key(training.seed, 0, sample), sample, renderer.workspace(), place)
    last = place.views[2] if views.locals else np.zeros(views.local_shape, np.float32)
    shown = (place.target[0, 0], place.views[0], place.views[1], last)
    return [view[view.shape[0] // 2] for view in shown]
