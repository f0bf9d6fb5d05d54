"""`pcrl ingest`: from a folder of scans to the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .cache_options import CACHE, recipe_option, setting
from .console import user_errors

if TYPE_CHECKING:
    from pcrl.config import Codec, Modality
    from pcrl.datasets.layouts.folder import Kind
    from pcrl.engine.cache.volumes.records import Storage


@click.command("ingest")
@click.option(
    "--layout",
    help="How the files are laid out: luna, lits, brats, nnunet, chexpert, chestxray or folder.  [default: --dataset]",
)
@click.option(
    "--dataset",
    "--name",
    "dataset",
    help="Name of the data set in the cache.  [default: the layout's name, or the folder's]",
)
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Where the files are.  [default: $PCRL_DATA/LAYOUT, else ./data/LAYOUT]",
)
@CACHE
@recipe_option("that of the data set in the cache, else of the cache's others, else pcrlv2-3d or pcrlv2-2d")
@click.option(
    "--format",
    "storage",
    type=click.Choice(["zarr", "hdf5"]),
    help="OME-Zarr, or one HDF5 file per case.  [default: the data set's present format, else zarr]",
)
@click.option(
    "--codec",
    type=click.Choice(["lz4", "zstd"]),
    help="Compression: lz4 is faster, zstd saves disk.  [default: the recipe's]",
)
@click.option(
    "--size", type=click.IntRange(8), help="Images: shorter side in pixels.  [default: the recipe's]"
)
@click.option(
    "--bits", type=click.Choice(["8", "16"]), help="Images: bits per pixel.  [default: the recipe's]"
)
@click.option(
    "--workers", type=click.IntRange(1), help="Processes that work in parallel.  [default: one per core]"
)
@click.option(
    "--memory",
    type=click.FloatRange(0, min_open=True),
    metavar="GB",
    help=(
        "Memory that each worker may use; one that uses more is stopped, and its file named.  [default: its part of "
        "80 % of what is free]"
    ),
)
@click.option(
    "--deadline",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Time that one case or image may take before it is given up, and named.  [default: 1800]",
)
@click.option(
    "--modality",
    type=click.Choice(["ct", "mr"]),
    help="Volumes: modality of scans whose files do not state it; confirms or corrects what the layout says.",
)
@click.option(
    "--trust-label-voxels",
    is_flag=True,
    help="Volumes: labels whose header puts them elsewhere than their scan fit it voxel by voxel.",
)
@click.option(
    "--kind",
    type=click.Choice(["volumes", "radiographs", "both"]),
    help=(
        "Of a folder with both: which to take; both makes a data set of each, NAME-volumes and NAME-radiographs.  "
        "[default: there is one kind only]"
    ),
)
@click.option(
    "--replace",
    is_flag=True,
    help="Let other settings, or another file of the same name, take the place of what is in the cache.",
)
@setting("data.chunk=64")
def ingest_command(
    layout: str | None,
    dataset: str | None,
    source: Path | None,
    cache: Path,
    recipe: str | None,
    storage: Storage | None,
    codec: Codec | None,
    size: int | None,
    bits: str | None,
    workers: int | None,
    memory: float | None,
    deadline: float | None,
    modality: Modality | None,
    trust_label_voxels: bool,
    kind: Kind | Literal["both"] | None,
    replace: bool,
    overrides: tuple[str, ...],
) -> None:
    """Read, resample and store scans or radiographs, so that training can read any part of them at once.

    Can be stopped at any time and run again: it continues where it was. Run again later, it reads only what is new
    or has changed. A file that cannot be read, that hangs, or that crashes the process which reads it is named, and the
    others are stored (exit status 1).

    \b
    Examples:
      pcrl ingest --dataset lits
      pcrl ingest --layout folder --source ~/scans --dataset mystudy --modality mr
      pcrl ingest --layout folder --source ~/LIDC-IDRI --dataset lidc --kind both
      pcrl ingest --layout folder --source /mnt/slow/scans --workers 2 --memory 12 --deadline 3600
      pcrl ingest --dataset chexpert --source ~/CheXpert-v1.0-small --codec zstd
    """
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.datasets.catalog import LAYOUTS
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.ingest import ingest

    from .ingesting import IngestDisplay

    if layout is None:
        # A data set that is called like a layout is laid out so, and has the layout's own name.
        if dataset is None:
            raise click.UsageError(
                "give --layout, such as --layout folder, or --dataset, such as --dataset lits"
            )
        if dataset not in LAYOUTS:
            raise click.UsageError(
                f"there is no layout {dataset!r}: say how the files are laid out with --layout, one of "
                f"{', '.join(LAYOUTS)}; --dataset is then the name of the data set in the cache"
            )
        layout, dataset = dataset, None
    with user_errors(RecipeError, LayoutError, CacheError), IngestDisplay() as display:
        report = ingest(
            layout,
            source,
            cache=cache,
            dataset=dataset,
            recipe=recipe,
            overrides=overrides,
            storage=storage,
            codec=codec,
            size=size,
            bits=int(bits) if bits else None,
            workers=workers,
            memory=memory,
            deadline=deadline,
            modality=modality,
            trust_label_voxels=trust_label_voxels,
            kind=kind,
            replace=replace,
            progress=display,
        )
    if report.failed or (report.also is not None and report.also.failed):
        raise SystemExit(1)
