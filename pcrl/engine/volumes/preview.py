"""A sheet of cases and of views drawn from them, to check a cache by eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pcrl.config import TissueRule, VolumeRecipe
from pcrl.engine.batch import SampleSlot
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.preview import Picture, save_sheet
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
    save_sheet(path, COLUMNS, len(cases), _rows(VolumeRenderer(cases, rules, recipe)))


def _rows(renderer: VolumeRenderer) -> Iterator[tuple[str, list[Picture]]]:
    for index, case in enumerate(renderer.cases):
        yield f"{case.dataset}/{case.name}", [*_slices(case), *_views(renderer, index)]


def _slices(case: CachedCase) -> list[Picture]:
    """Middle slices in [0, 1]; the head is up in the coronal and the sagittal one."""
    intensity, spacing = case.record.intensities[0], case.record.grid.spacing
    volume = case.voxels.read()[0]
    z, y, x = (n // 2 for n in volume.shape)
    slices = (volume[z], volume[::-1, y], volume[::-1, :, x])
    aspects = (spacing[1] / spacing[2], spacing[0] / spacing[2], spacing[0] / spacing[1])
    return [
        Picture(one.astype(np.float32) * intensity.scale + intensity.offset, aspect)
        for one, aspect in zip(slices, aspects, strict=True)
    ]


def _views(renderer: VolumeRenderer, index: int) -> list[Picture]:
    """Middle slices of the target, both global views and the first local view."""
    training, views = renderer.recipe.training, renderer.recipe.views
    slot = SampleSlot.of_one(renderer.recipe)
    sample = index * training.samples_per_case
    renderer.make(sample_key(training.seed, 0, sample), sample, renderer.workspace(), slot)
    last = slot.views[2] if views.locals else np.zeros(views.local_shape, np.float32)
    shown = [slot.target[0, 0], slot.views[0], slot.views[1], last]
    return [Picture(view[view.shape[0] // 2], unit=number == 0) for number, view in enumerate(shown)]
