"""One data set into the cache: compared with what is there, told, carried out; volumes or images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pcrl.config import ImageRecipe, Modality, RecipeError, VolumeRecipe
from pcrl.datasets.case import Dataset
from pcrl.datasets.image import ImageDataset
from pcrl.datasets.names import printable
from pcrl.engine.cache.secret import other_secrets
from pcrl.engine.cache.space import check_space
from pcrl.engine.cache.volumes.records import Storage
from pcrl.engine.cache.writer import writing
from pcrl.engine.images.ingest import plan as image_plan
from pcrl.engine.images.ingest import run as image_run
from pcrl.engine.progress import IngestReport, PlannedWork, ProcessedItem, Progress
from pcrl.engine.recipe import RecipeChoice, ingest_recipe
from pcrl.engine.volumes.ingest import plan as volume_plan
from pcrl.engine.volumes.ingest import run as volume_run
from pcrl.workers.limits import Limits


@dataclass(frozen=True, slots=True)
class OfVolumes:
    """Arguments of `ingest` that are for volumes only."""

    storage: Storage | None = None
    modality: Modality | None = None
    trust_label_voxels: bool = False


def ingest_dataset(
    listed: Dataset | ImageDataset,
    root: Path,
    recipe: RecipeChoice,
    overrides: Sequence[str],
    workers: int,
    limits: Limits,
    of_volumes: OfVolumes,
    watch: Progress,
    replacing: bool,
) -> IngestReport:
    """Read and store one data set in the cache at `root`; raises as `pcrl.engine.ingest.ingest`."""
    with writing(root / listed.name):
        if isinstance(listed, Dataset):
            settings = ingest_recipe(root / listed.name, 3, recipe, overrides, replacing)
            assert isinstance(settings, VolumeRecipe)
            return _volumes(listed, root, settings, workers, limits, of_volumes, watch, replacing)
        if of_volumes != OfVolumes():
            raise RecipeError(
                "--format, --modality and --trust-label-voxels (in Python: storage, modality, trust_label_voxels) are "
                "for volumes; images are kept as Zarr"
            )
        return ingest_images(listed, root, recipe, overrides, workers, limits, watch, replacing)


def _volumes(
    listed: Dataset,
    cache: Path,
    recipe: VolumeRecipe,
    workers: int,
    limits: Limits,
    given: OfVolumes,
    watch: Progress,
    replacing: bool,
) -> IngestReport:
    plan = volume_plan.plan(
        listed,
        cache,
        recipe,
        given.modality,
        given.storage,
        given.trust_label_voxels,
        replacing,
        workers,
        limits,
    )
    for note in (*plan.notes, *other_secrets(cache, listed)):
        watch.note(note)
    todo, already_cached = len(plan.todo), len(plan.tasks) - len(plan.todo)
    tables = tuple(table.name for table in plan.tables)
    if todo:
        check_space(cache, plan.bytes_needed, "a coarser data.spacing", plan.largest())
    spacing = "×".join(f"{mm:g}" for mm in plan.data.spacing)
    watch.planned(
        PlannedWork(
            listed.name, "cases", todo, plan.work, already_cached, f"{recipe.name}: {spacing} mm, {plan.data.codec}",
            tables, workers, plan.seconds_needed(workers), plan.bytes_needed, limits,
        )
    )  # fmt: skip
    done = _unreadable(listed, watch)
    # With nothing to read, too: patients, splits and tables may have changed.
    for result in volume_run.run(plan, workers, limits):
        done.append(ProcessedItem(result.task.case.name, result.notes, result.error))
        watch.done(done[-1])
    report = IngestReport(listed.name, plan.folder, "cases", already_cached, tuple(done), tables)
    watch.finished(report)
    return report


def ingest_images(
    listed: ImageDataset,
    cache: Path,
    choice: RecipeChoice,
    overrides: Sequence[str],
    workers: int,
    limits: Limits,
    watch: Progress,
    replacing: bool = False,
) -> IngestReport:
    """Read and store a data set of images; the caller holds its lock. Raises as `pcrl.engine.ingest.ingest`."""
    recipe = ingest_recipe(cache / listed.name, 2, choice, overrides, replacing)
    assert isinstance(recipe, ImageRecipe)
    plan = image_plan.plan(listed, cache, recipe, replacing)
    for note in (*plan.notes, *other_secrets(cache, listed)):
        watch.note(note)
    already_cached, data = plan.images - plan.todo, recipe.data
    check_space(plan.folder, plan.bytes_needed, "a smaller data.size")
    stored = f"shorter side {data.size}, {data.bits} bits, {data.codec}"
    watch.planned(
        PlannedWork(
            listed.name, "images", plan.todo, plan.work, already_cached, f"{recipe.name}: {stored}", (), workers,
            plan.seconds_needed(workers), plan.bytes_needed, limits,
        )
    )  # fmt: skip
    done = _unreadable(listed, watch)
    for file in image_run.run(plan, workers, limits):
        done.append(ProcessedItem(file.name, (file.note,) if file.note else (), file.error))
        watch.done(done[-1])
    report = IngestReport(listed.name, plan.folder, "images", already_cached, tuple(done))
    watch.finished(report)
    return report


def _unreadable(listed: Dataset | ImageDataset, watch: Progress) -> list[ProcessedItem]:
    """What could not be looked into, as items that failed."""
    items = [ProcessedItem(printable(one.name), (), printable(one.reason)) for one in listed.unreadable]
    for item in items:
        watch.done(item)
    return items
