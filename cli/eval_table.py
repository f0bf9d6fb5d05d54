"""Labels of one's own: a table and a folder of images, taken into the cache before they are evaluated."""

from __future__ import annotations

import os
from pathlib import Path

from .console import user_errors
from .ingest_images import ingest_images


def ingest_table(
    table: Path,
    images: Path,
    patient_column: str | None,
    cache: Path,
    recipe: str | None,
    overrides: tuple[str, ...],
) -> str:
    """Put images of a table into the cache, those that are not cached; the data set's name."""
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.datasets.layouts.images.table import find
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.cache.images.dataset import CachedImages
    from pcrl.engine.cache.lock import locked
    from pcrl.engine.cache.volumes.records import DATASET_RECORD

    with user_errors(RecipeError, LayoutError, CacheError):
        listed = find(table, images, patient_column=patient_column)
        if (cache / listed.name / DATASET_RECORD).exists():
            raise CacheError(f"{cache}: {listed.name} holds volumes: give the table another name")
        with locked(cache / listed.name):
            ingest_images(listed, cache, recipe, overrides, os.cpu_count() or 1)
        cached = CachedImages.open(cache / listed.name).table
        if not len(cached):
            name, reason = cached.failed[0] if cached.failed else ("", "the table is empty")
            raise LayoutError(f"{table}: no image of it could be read below {images}; {name}: {reason}")
        return listed.name
