"""Labels of one's own: a table and a folder of images, taken into the cache before they are evaluated."""

from __future__ import annotations

from pathlib import Path

from .console import user_errors


def ingest_table(
    table: Path,
    images: Path,
    patient_column: str | None,
    cache: Path,
    dataset: str | None,
    recipe: str | None,
    overrides: tuple[str, ...],
    replace: bool,
) -> str:
    """Put images of a table into the cache, those that are not cached; the data set's name."""
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.engine import ingest
    from pcrl.engine.cache.format import CacheError

    from .ingesting import IngestDisplay

    with user_errors(RecipeError, LayoutError, CacheError), IngestDisplay() as display:
        report = ingest.ingest_table(
            table,
            images,
            patient_column=patient_column,
            cache=cache,
            dataset=dataset,
            recipe=recipe,
            overrides=overrides,
            replace=replace,
            progress=display,
        )
    return report.dataset
