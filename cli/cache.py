"""`pcrl cache`: what is in a cache, whether it is as it was written, and copying it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pcrl.listing import counted

from .cache_options import DATASETS
from .console import console, progress, tell_note, user_errors
from .summaries import case_list, image_summary, volume_summary

if TYPE_CHECKING:
    from pcrl.engine.cache.volumes.records import Storage

ROOT = click.argument("root", type=click.Path(path_type=Path), default=Path("cache"), required=False)


@click.group("cache")
def cache() -> None:
    """Inspect, verify, upgrade, preview or copy a cache.

    \b
    Examples:
      pcrl cache info ./cache
      pcrl cache verify ./cache
      pcrl cache upgrade ./cache
      pcrl cache preview ./cache
      pcrl cache copy ./cache ./cache-hdf5
    """


@cache.command()
@ROOT
@DATASETS
@click.option("--cases", is_flag=True, help="List every case.")
def info(root: Path, names: tuple[str, ...], cases: bool) -> None:
    """List data sets, patients, splits, labels and size of the cache in ROOT (default ./cache).

    \b
    Example:
      pcrl cache info ./cache --dataset lits --cases
    """
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.cache.images.table import TABLE
    from pcrl.engine.cache.volumes.dataset import identity

    with user_errors(CacheError):
        opened = Cache(root)
        datasets = opened.datasets(names)
        for dataset in datasets:
            console.print(case_list(dataset) if cases else volume_summary(dataset, root))
        for images in opened.image_sets(names):
            console.print(image_summary(images, root))
            if cases:
                console.print(f"Every image has a row in {images.folder / TABLE}")
        everything = [case for dataset in datasets for case in dataset.cases]
        if everything:
            cases_in_words = counted(len(everything), "case")
            console.print(
                f"SHA-256 over {cases_in_words}, equal in caches with the same content: {identity(everything)}"
            )


@cache.command()
@ROOT
@DATASETS
@click.option(
    "--discard",
    "discarding",
    is_flag=True,
    help="Remove damaged cases and records, so that the next ingest makes them anew; move what no record names into "
    "lost+found.",
)
def verify(root: Path, names: tuple[str, ...], discarding: bool) -> None:
    """Compare every file of the cache in ROOT (default ./cache) with its checksum; exit status 1 if anything differs.

    Also named is every file that no record names, and every link, which pcrl neither makes nor follows.

    \b
    Example:
      pcrl cache verify ./cache --discard && pcrl ingest --dataset lits
    """
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.cache.verification.folders import folders_of
    from pcrl.engine.cache.writer import writing

    from .cache_verify import Verification

    with user_errors(CacheError), ExitStack() as locks:
        folders = folders_of(root, names)
        for folder in [one for one in folders if discarding and not one.is_symlink()]:
            locks.enter_context(writing(folder, mending=True))
        done = Verification(discarding)
        for folder in folders:
            done.of(folder)
    console.print(f"{root}: {done.in_words()}.")
    if done.damaged and discarding:
        console.print(
            "The damaged cases and records were removed; what no record named is in lost+found. Run `pcrl ingest` with "
            "the same options again to restore them."
        )
    elif done.damaged:
        console.print(f"Remove what is damaged with `pcrl cache verify {root} --discard`, then ingest again.")
        raise SystemExit(1)


@cache.command()
@ROOT
@DATASETS
def upgrade(root: Path, names: tuple[str, ...]) -> None:
    """Add to the cache in ROOT (default ./cache) what later versions of pcrl keep and earlier ones did not.

    These are thumbnails, by which an evaluation finds that pre-training saw a copy of a test scan, and digests of the
    records and tables of each data set (files.json). They are made from what is in the cache: sources are not needed,
    and images, labels and checksums stay as they are. Can be stopped and run again. What only a source can give
    (digests of files and of their voxels) comes with an ingest into a new cache.

    \b
    Example:
      pcrl cache upgrade ./cache
    """
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.cache.upgrade import (
        complete,
        outdated_cases,
        outdated_shards,
        upgrade_case,
        upgrade_shards,
    )
    from pcrl.engine.cache.writer import writing

    with user_errors(CacheError):
        opened = Cache(root)
        for dataset in opened.datasets(names, as_is=True):
            with writing(dataset.folder):
                if cases := outdated_cases(dataset):
                    with progress("cases") as bar:
                        for case in bar.track(cases, description=dataset.name):
                            upgrade_case(case)
                complete(dataset)
            added = f", {len(cases)} of them new" if cases else ": nothing to do"
            console.print(f"{dataset.name}: {counted(len(dataset.cases), 'case')} with thumbnails{added}.")
        for images in opened.image_sets(names, as_is=True):
            with writing(images.folder):
                if shards := outdated_shards(images):
                    with progress("shards") as bar:
                        done = upgrade_shards(images, shards)
                        for _ in bar.track(done, total=len(shards), description=images.name):
                            pass
                complete(images)
            added = f", those of {counted(len(shards), 'shard')} new" if shards else ": nothing to do"
            console.print(f"{images.name}: {counted(len(images.table), 'image')} with thumbnails{added}.")


@cache.command()
@ROOT
@DATASETS
@click.option("--out", type=click.Path(path_type=Path), default=Path("preview.png"), show_default=True)
@click.option(
    "--count", type=click.IntRange(1, 40), default=6, show_default=True, help="Number of cases to show."
)
def preview(root: Path, names: tuple[str, ...], out: Path, count: int) -> None:
    """Write pictures of some cases in ROOT (default ./cache) with training views drawn from each by the cache's recipe.

    \b
    Example:
      pcrl cache preview ./cache --out preview.png
    """
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.images.preview import save_image_preview
    from pcrl.engine.volumes.preview import save_preview

    with user_errors(CacheError):
        opened = Cache(root)
        datasets = [dataset for dataset in opened.datasets(names) if dataset.cases]
        image_sets = [images for images in opened.image_sets(names) if len(images.table)]
        if not datasets and not image_sets:
            raise CacheError(f"{root} holds no case yet: run `pcrl ingest` again")

        def path_of(name: str) -> Path:
            alone = len(datasets) + len(image_sets) == 1
            return out if alone else out.with_name(f"{out.stem}-{name}{out.suffix}")

        for images in image_sets:
            shown = save_image_preview(path_of(images.name), images, count)
            console.print(f"{shown} of {len(images.table)} images of {images.name}: {path_of(images.name)}")
        for dataset in datasets:
            chosen = dataset.cases[:: max(1, len(dataset.cases) // count)][:count]
            path = path_of(dataset.name)
            rules = [dataset.record.tissue] * len(chosen)
            save_preview(path, chosen, rules, dataset.record.recipe)
            console.print(f"{len(chosen)} of {len(dataset.cases)} cases of {dataset.name}: {path}")


@cache.command()
@click.argument("origin", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@DATASETS
@click.option(
    "--format",
    "storage",
    type=click.Choice(["zarr", "hdf5"]),
    help="Format of the copy.  [default: for each data set, the one that it does not have yet]",
)
def copy(origin: Path, target: Path, names: tuple[str, ...], storage: Storage | None) -> None:
    """Copy the cache in ORIGIN into TARGET, from Zarr to HDF5 or back, without compressing anew.

    Can be stopped and run again: it continues where it was. Run again later, it takes along what has changed: new and
    changed cases, labels that came, changed or went, splits, patients and tables. Training on either gives the same
    batches to the last bit.

    \b
    Example:
      pcrl cache copy ./cache ./cache-hdf5
    """
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.cache.volumes.compare import changes_in_words
    from pcrl.engine.cache.volumes.copy import begin_copy, copy_cases
    from pcrl.engine.cache.writer import writing

    with user_errors(CacheError):
        if origin.resolve() == target.resolve():
            raise CacheError(f"{target} is the cache to be copied: give another folder as TARGET")
        opened = Cache(origin)
        if names and opened.image_sets(names):
            raise CacheError(f"{opened.image_sets(names)[0].name} holds images, which are kept as Zarr only")
        for images in () if names else opened.image_sets():
            tell_note(f"{images.name} holds images, which are kept as Zarr only: this data set is not copied")
        for dataset in opened.datasets(names):
            copy_format: Storage = storage or ("zarr" if dataset.record.storage == "hdf5" else "hdf5")
            with writing(target / dataset.name), progress("cases") as bar:
                changes = changes_in_words(dataset, target / dataset.name, copy_format)
                cases = begin_copy(dataset, target, copy_format)
                line = bar.add_task(dataset.name, total=len(cases))
                for _ in copy_cases(cases, target / dataset.name, copy_format):
                    bar.advance(line)
            console.print(
                f"{dataset.name}: {len(cases)} cases copied to {target} as {copy_format}, "
                f"{len(dataset.cases) - len(cases)} were there already."
            )
            for change in changes:
                tell_note(f"{dataset.name}: {change}")
