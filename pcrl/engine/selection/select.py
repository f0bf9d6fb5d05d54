"""Which cases pre-training may see: never a patient that an evaluation could be scored on."""

from __future__ import annotations

from collections.abc import Iterable

from pcrl.config import ImageRecipe, Recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.engine.selection.images import select_images
from pcrl.engine.selection.selection import Selection
from pcrl.engine.selection.volumes import select_volumes


def select(cache: Cache, names: tuple[str, ...], recipe: Recipe) -> Selection:
    """Training patients of the named data sets of a cache (all if none is named) that the recipe is for.

    Data sets that have neither labels nor folds are taken whole. A patient whom any data set of the cache holds for
    validation or test is left out everywhere.
    """
    held = held_patients(cache.datasets(), cache.image_sets())
    if isinstance(recipe, ImageRecipe):
        return select_images(cache.image_sets(names), held, recipe)
    return select_volumes(cache.datasets(names), held, recipe)


def held_patients(datasets: Iterable[CachedDataset], image_sets: Iterable[CachedImages]) -> set[str]:
    """Patients on whom an evaluation could be scored, or its model chosen."""
    of_volumes = {
        case.patient
        for dataset in datasets
        if is_scored(dataset)
        for case in dataset.cases
        if case.split != "train"
    }
    of_images = {
        patient
        for images in image_sets
        if is_scored(images)
        for patient, split in zip(images.table.patients, images.table.splits, strict=True)
        if split != "train"
    }
    return of_volumes | of_images


def is_scored(dataset: CachedDataset | CachedImages) -> bool:
    """Whether an evaluation could be scored on some of it; of others, the split is of no use, and all is trained on."""
    if isinstance(dataset, CachedImages):
        return bool(dataset.record.label_names)
    return any(case.has_label or case.entry.fold is not None for case in dataset.cases)
