"""`pcrl ingest`: from a folder of scans to the cache."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from .console import console, duration, progress, user_errors
from .ingest_images import ingest_images

if TYPE_CHECKING:
    from pcrl.config import Modality
    from pcrl.datasets.case import Dataset
    from pcrl.engine.cache.volumes.records import Storage
    from pcrl.engine.volumes.ingest.plan import Outcome, Plan


@click.command()
@click.option("--dataset", required=True, help="luna, lits, brats, nnunet, chexpert, chestxray or folder.")
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Where the files are.  [default: $PCRL_DATA/DATASET, else ./data/DATASET]",
)
@click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True)
@click.option(
    "--recipe",
    help="Built-in name or a .toml file.  [default: that of the cache, else pcrlv2-3d, for images pcrlv2-2d]",
)
@click.option(
    "--format",
    "storage",
    type=click.Choice(["zarr", "hdf5"]),
    help="OME-Zarr, or one HDF5 file a case.  [default: as it is there already, else zarr]",
)
@click.option(
    "--codec", type=click.Choice(["lz4", "zstd"]), help="lz4: speed; zstd: disk.  [default: the recipe's]"
)
@click.option(
    "--size", type=click.IntRange(8), help="Images: shorter side in pixels.  [default: the recipe's]"
)
@click.option("--bits", type=click.Choice(["8", "16"]), help="Images: of a pixel.  [default: the recipe's]")
@click.option("--workers", type=click.IntRange(1), help="[default: one a core]")
@click.option("--modality", type=click.Choice(["ct", "mr"]), help="If neither files nor data set say it.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting of the recipe."
)
def ingest(
    dataset: str,
    source: Path | None,
    cache: Path,
    recipe: str | None,
    storage: Storage | None,
    codec: str | None,
    size: int | None,
    bits: str | None,
    workers: int | None,
    modality: Modality | None,
    overrides: tuple[str, ...],
) -> None:
    """Read, resample and store scans or radiographs, so that training can read any part of them at once.

    Can be stopped at any time and run again: it goes on where it was. Run again later, it takes in only what is new
    or has changed.

    \b
    Examples:
      pcrl ingest --dataset lits
      pcrl ingest --dataset folder --source ~/scans --modality mr --codec zstd
      pcrl ingest --dataset chexpert --source ~/CheXpert-v1.0-small
    """
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.datasets.catalog import default_source, find
    from pcrl.datasets.image import ImageDataset
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.cache.lock import locked

    count = workers or os.cpu_count() or 1
    with user_errors(RecipeError, LayoutError, CacheError):
        with console.status("reading names and tables"):
            found = find(dataset, source or default_source(dataset))
        given = {"data.codec": codec, "data.size": size, "data.bits": bits}
        overrides = (*overrides, *(f"{key}={value}" for key, value in given.items() if value is not None))
        with locked(cache / found.name):
            if isinstance(found, ImageDataset):
                if storage or modality:
                    raise RecipeError("--format and --modality are for volumes; images are kept as Zarr")
                ok = ingest_images(found, cache, recipe, overrides, count)
            else:
                ok = _volumes(found, cache, recipe, overrides, count, storage, modality)
    if not ok:
        raise SystemExit(1)


def _volumes(
    found: Dataset,
    cache: Path,
    recipe: str | None,
    overrides: tuple[str, ...],
    count: int,
    storage: Storage | None,
    modality: Modality | None,
) -> bool:
    from pcrl.engine.recipe import ingest_recipe
    from pcrl.engine.space import check_space
    from pcrl.engine.volumes.ingest.plan import plan
    from pcrl.engine.volumes.ingest.run import run

    settings = ingest_recipe(cache / found.name, 3, recipe, overrides)
    assert settings.dimensions == 3
    planned = plan(found, cache, settings, modality, storage)
    for note in planned.notes:
        console.print(f"[yellow]note[/] {escape(note)}")
    tables = ", ".join(table.name for table in planned.tables)
    if not planned.todo:
        # Patients, splits and tables may have changed nevertheless.
        deque(run(planned, count), 0)
        done = f"copied {tables}" if tables else "nothing to do"
        console.print(f"{found.name}: all {len(planned.tasks)} cases are in {cache} already; {done}.")
        return True
    check_space(cache, planned.bytes_needed, "a coarser data.spacing")
    _announce(planned, settings.name, count)
    if tables:
        console.print(f"Beside them: {tables}.")
    outcomes: list[Outcome] = []
    try:
        with progress("cases") as bar:
            line = bar.add_task("ingest", total=len(planned.todo))
            for outcome in run(planned, count):
                outcomes.append(outcome)
                bar.advance(line)
                if outcome.error:
                    console.print(f"[red]failed[/] {outcome.task.case.name}: {escape(outcome.error)}")
    except KeyboardInterrupt:
        console.print(f"Stopped; {len(outcomes)} of {len(planned.todo)} done. Run it again to go on.")
        raise SystemExit(130) from None
    _report(planned, outcomes, cache)
    return not any(outcome.error for outcome in outcomes)


def _announce(planned: Plan, recipe: str, workers: int) -> None:
    images = sum(task.action == "image" for task in planned.todo)
    spacing = "×".join(f"{mm:g}" for mm in planned.data.spacing)
    console.print(
        f"{planned.dataset.name}: {images} images and {len(planned.todo) - images} labels to do, "
        f"{len(planned.tasks) - len(planned.todo)} already there. Recipe {recipe}: {spacing} mm, "
        f"{planned.data.codec}. About {duration(planned.seconds_needed(workers))} with {workers} workers "
        f"and at most {planned.bytes_needed / 1e9:.2f} GB."
    )


def _report(planned: Plan, outcomes: list[Outcome], cache: Path) -> None:
    from pcrl.engine.cache.volumes.records import count_patients

    failed = [outcome for outcome in outcomes if outcome.error]
    skipped = len(planned.tasks) - len(planned.todo)
    done = [planned.record.cases[o.task.case.name] for o in outcomes if not o.error]
    table = Table("outcome", "cases", "", title=f"{planned.dataset.name} in {cache}", title_justify="left")
    table.add_row("done", str(len(done)), count_patients(done))
    table.add_row("already there", str(skipped), "")
    table.add_row("failed", str(len(failed)), "")
    console.print(table)
    for outcome in sorted(outcomes, key=lambda o: o.task.case.name):
        for note in outcome.notes:
            console.print(f"[yellow]note[/] {outcome.task.case.name}: {escape(note)}")
    for outcome in sorted(failed, key=lambda o: o.task.case.name):
        console.print(f"[red]failed[/] {outcome.task.case.name}: {escape(outcome.error)}")
    if failed:
        console.print(
            "What failed is not in the cache. Mend it and run the same command again; the rest is skipped."
        )
    else:
        console.print(f"Next: pcrl pretrain --cache {cache}")
