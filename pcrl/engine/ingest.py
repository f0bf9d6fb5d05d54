"""From files on disk to a cache: the order of work, the same for volumes and for images."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import get_args

from pcrl.config import Codec, ImageRecipe, Modality, RecipeError, VolumeRecipe
from pcrl.cores import usable_cores
from pcrl.datasets.case import Dataset, LayoutError
from pcrl.datasets.catalog import default_source, find
from pcrl.datasets.image import ImageDataset
from pcrl.datasets.layouts.folder import Kind
from pcrl.datasets.layouts.images import table as table_layout
from pcrl.datasets.names import ascii_name, printable, safe_name
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.lock import locked
from pcrl.engine.cache.secret import other_secrets
from pcrl.engine.cache.space import check_space
from pcrl.engine.cache.volumes.records import DATASET_RECORD, Storage
from pcrl.engine.images.ingest import plan as image_plan
from pcrl.engine.images.ingest import run as image_run
from pcrl.engine.progress import IngestReport, PlannedWork, ProcessedItem, Progress
from pcrl.engine.recipe import RecipeChoice, ingest_recipe
from pcrl.engine.volumes.ingest import plan as volume_plan
from pcrl.engine.volumes.ingest import run as volume_run
from pcrl.engine.volumes.ingest.claims import holds_unicode
from pcrl.listing import several


def ingest(
    layout: str,
    source: str | Path | None = None,
    *,
    cache: str | PathLike[str] = "cache",
    dataset: str | None = None,
    recipe: RecipeChoice = None,
    overrides: Sequence[str] = (),
    storage: Storage | None = None,
    codec: Codec | None = None,
    size: int | None = None,
    bits: int | None = None,
    workers: int | None = None,
    modality: Modality | None = None,
    trust_label_voxels: bool = False,
    kind: Kind | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Read, resample and store the scans or the radiographs of a folder.

    Stopped at any instant and called again, it goes on where it was; called again later, it takes in what is new or has
    changed. Scans are read by processes of their own: a script calls it below `if __name__ == "__main__":`.

    Args:
        layout: how the folder is laid out, such as `lits` or `folder`; see `pcrl.datasets.catalog.LAYOUTS`.
        source: the folder. None: `$PCRL_DATA/LAYOUT`, or `./data/LAYOUT`.
        dataset: its name in the cache. None: the layout's own, or the folder's.
        recipe: built-in name, path of a TOML file, or the recipe itself. None: that of the data set in the cache, if it
            is there; else that of the other data sets there; else the published one.
        overrides: `KEY=VALUE` settings that differ from the recipe's; `codec`, `size` and `bits` are some of them.
        storage: volumes only: OME-Zarr, or HDF5. None: as it is there already, else Zarr.
        size, bits: images only: shorter side in pixels; bits of a pixel.
        workers: None: as many as there are cores.
        modality: volumes only: what scans are, if neither they nor the layout say so.
        trust_label_voxels: volumes only: a label of as many voxels as its scan belongs to it voxel by voxel, also where
            its header says that it lies elsewhere.
        kind: of a folder with both volumes and radiographs, which to take.
        replace: what is in the cache may be thrown away for other settings, or for another file of the same name.
        progress: is told what happens.

    Returns:
        What was done, and what could not be read.

    Raises:
        LayoutError: no such layout, or a folder that is not laid out so.
        RecipeError: no such recipe, or one for the other kind of data; or the cache was made for several.
        CacheError: something there would be replaced without `replace`; another process writes to it, it lacks the
            space, or it cannot be used.
        ValueError: `workers` below 1.
    """
    _refuse_in_a_worker()
    for value, known in (
        (storage, get_args(Storage)),
        (modality, get_args(Modality)),
        (kind, get_args(Kind)),
    ):
        if value is not None and value not in known:
            raise RecipeError(f"no {value!r}: there are {', '.join(known)}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: at least one process has to read")
    listed = find(layout, Path(source) if source is not None else default_source(layout), kind)
    if dataset is not None:
        if safe_name(dataset) != dataset:
            raise LayoutError(
                f"{dataset!r} cannot be the name of a data set: use letters, digits, dots, dashes and underscores"
            )
        listed = dataclasses.replace(listed, name=dataset)
    given = {"codec": codec, "size": size, "bits": bits}
    overrides = (
        *several(overrides),
        *(f"data.{key}={value}" for key, value in given.items() if value is not None),
    )
    watch, count, root = progress or Progress(), workers or usable_cores(), Path(cache)
    if not listed.name.isascii() and not holds_unicode(root):
        listed = dataclasses.replace(listed, name=ascii_name(listed.name))
    with locked(root / listed.name):
        if isinstance(listed, Dataset):
            settings = ingest_recipe(root / listed.name, 3, recipe, overrides, replace)
            assert isinstance(settings, VolumeRecipe)
            return _volumes(
                listed, root, settings, count, storage, modality, trust_label_voxels, watch, replace
            )
        if storage or modality or trust_label_voxels:
            raise RecipeError(
                "--format, --modality and --trust-label-voxels are for volumes; images are kept as Zarr"
            )
        return _images(listed, root, recipe, overrides, count, watch, replace)


def ingest_table(
    table: Path,
    images: Path,
    *,
    patient_column: str | None = None,
    cache: Path = Path("cache"),
    recipe: RecipeChoice = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> IngestReport:
    """The images that a table of one's own names, with their labels; those that are there are not read again.

    Args:
        table: CSV with a line for each image; see `pcrl.datasets.layouts.images.table`.
        images: the folder that the paths in the table start from.
        patient_column: None: recognised by its name.

    Raises:
        LayoutError: a table that cannot be used, or of which no image can be read.
        CacheError: the cache holds volumes under the table's name; and as `ingest`.
    """
    listed = table_layout.find(table, images, patient_column=patient_column)
    folder = cache / listed.name
    if (folder / DATASET_RECORD).exists():
        raise CacheError(f"{cache}: {listed.name} holds volumes: give the table another name")
    with locked(folder):
        report = _images(listed, cache, recipe, overrides, usable_cores(), progress or Progress())
    present = CachedImages.open(folder).table
    if not len(present):
        name, reason = present.failed[0] if present.failed else ("", "the table is empty")
        raise LayoutError(f"{table}: no image of it could be read below {images}; {name}: {reason}")
    return report


def _volumes(
    listed: Dataset,
    cache: Path,
    recipe: VolumeRecipe,
    workers: int,
    storage: Storage | None,
    modality: Modality | None,
    trust_label: bool,
    watch: Progress,
    replacing: bool,
) -> IngestReport:
    plan = volume_plan.plan(listed, cache, recipe, modality, storage, trust_label, replacing)
    for note in (*plan.notes, *other_secrets(cache, listed)):
        watch.note(note)
    todo, already_cached = len(plan.todo), len(plan.tasks) - len(plan.todo)
    tables = tuple(table.name for table in plan.tables)
    if todo:
        check_space(cache, plan.bytes_needed, "a coarser data.spacing")
    spacing = "×".join(f"{mm:g}" for mm in plan.data.spacing)
    watch.planned(
        PlannedWork(
            listed.name, "cases", todo, plan.work, already_cached, f"{recipe.name}: {spacing} mm, {plan.data.codec}",
            tables, workers, plan.seconds_needed(workers), plan.bytes_needed,
        )
    )  # fmt: skip
    done = _unreadable(listed, watch)
    # With nothing to read, too: patients, splits and tables may have changed.
    for result in volume_run.run(plan, workers):
        done.append(ProcessedItem(result.task.case.name, result.notes, result.error))
        watch.done(done[-1])
    report = IngestReport(listed.name, plan.folder, "cases", already_cached, tuple(done), tables)
    watch.finished(report)
    return report


def _images(
    listed: ImageDataset,
    cache: Path,
    choice: RecipeChoice,
    overrides: Sequence[str],
    workers: int,
    watch: Progress,
    replacing: bool = False,
) -> IngestReport:
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
            plan.seconds_needed(workers), plan.bytes_needed,
        )
    )  # fmt: skip
    done = _unreadable(listed, watch)
    for file in image_run.run(plan, workers):
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


def _refuse_in_a_worker() -> None:
    """A script without a guard is run again by each process that it starts, and would ingest there, too."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError('ingest starts processes: call it below `if __name__ == "__main__":`')
