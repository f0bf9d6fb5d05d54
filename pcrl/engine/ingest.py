"""From files on disk to a cache: the order of work, the same for volumes and for images."""

from __future__ import annotations

import dataclasses
import math
import multiprocessing
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from pcrl.config import Codec, Modality, RecipeError
from pcrl.cores import usable_cores
from pcrl.datasets.case import Dataset, LayoutError
from pcrl.datasets.catalog import default_source, find, find_both
from pcrl.datasets.layouts.folder import Kind
from pcrl.datasets.layouts.images import table as table_layout
from pcrl.datasets.names import ascii_name, safe_name
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.records import DATASET_RECORD, Storage
from pcrl.engine.cache.writer import writing
from pcrl.engine.carry_out import OfVolumes, ingest_dataset, ingest_images
from pcrl.engine.progress import IngestReport, Progress
from pcrl.engine.recipe import RecipeChoice, is_for
from pcrl.engine.volumes.ingest.claims import holds_unicode
from pcrl.listing import several
from pcrl.workers.limits import of_readers


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
    memory: float | None = None,
    deadline: float | None = None,
    modality: Modality | None = None,
    trust_label_voxels: bool = False,
    kind: Kind | Literal["both"] | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Read, resample and store the scans or the radiographs of a folder.

    Stopped at any instant and called again, it goes on where it was; called again later, it takes in what is new or has
    changed. Files are read by processes of their own: a script calls it below `if __name__ == "__main__":`.

    Args:
        layout: how the folder is laid out, such as `lits` or `folder`; see `pcrl.datasets.catalog.LAYOUTS`.
        source: the folder. None: `$PCRL_DATA/LAYOUT`, or `./data/LAYOUT`.
        dataset: its name in the cache. None: the layout's own, or the folder's.
        recipe: built-in name, path of a TOML file, or the recipe itself. None: that of the data set in the cache, if it
            is there; else that of the other data sets there; else the published one.
        overrides: `KEY=VALUE` settings that differ from the recipe's; `codec`, `size` and `bits` are some of them.
        storage: volumes only: OME-Zarr, or HDF5. None: as it is there already, else Zarr.
        size, bits: images only: shorter side in pixels; bits of a pixel.
        workers: processes that read. None: as many as there are cores.
        memory: GB that each of them may use; one that uses more is stopped, and its file named. None: its part of four
            fifths of the memory that is free.
        deadline: seconds that one case or image may take, after which it is given up and named. None: half an hour.
        modality: volumes only: what scans are, if neither they nor the layout say so.
        trust_label_voxels: volumes only: a label of as many voxels as its scan belongs to it voxel by voxel, also where
            its header says that it lies elsewhere.
        kind: of a folder with both volumes and radiographs, which to take; `both` makes a data set of each,
            `NAME-volumes` and `NAME-radiographs`, for which arguments count that are for their kind. The report is that
            of the volumes, and its `also` that of the radiographs.
        replace: what is in the cache may be thrown away for other settings, or for another file of the same name.
        progress: is told what happens.

    Returns:
        What was done, and what could not be read.

    Raises:
        LayoutError: no such layout, or a folder that is not laid out so.
        RecipeError: no such recipe, or one for the other kind of data; or the cache was made for several.
        CacheError: something there would be replaced without `replace`; another process writes to it, it lacks the
            space, or it cannot be used.
        ValueError: `workers` below 1, `memory` or `deadline` not above 0.
    """
    _refuse_in_a_worker()
    for value, known in (
        (storage, get_args(Storage)),
        (modality, get_args(Modality)),
        (kind, (*get_args(Kind), "both")),
    ):
        if value is not None and value not in known:
            raise RecipeError(f"no {value!r}: there are {', '.join(known)}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: at least one process has to read")
    for limit, name in ((memory, "memory"), (deadline, "deadline")):
        if limit is not None and not 0 < limit < math.inf:
            raise ValueError(f"{name}={limit}: expected a number above 0")
    _check_name(dataset)
    place = Path(source) if source is not None else default_source(layout)
    found = find_both(layout, place) if kind == "both" else (find(layout, place, kind),)
    watch, count, root = progress or Progress(), workers or usable_cores(), Path(cache)
    limits = of_readers(count, deadline, memory)
    reports: list[IngestReport] = []
    for listed in found:
        is_volumes, chosen = isinstance(listed, Dataset), recipe
        data = {"codec": codec, "size": size, "bits": bits}
        of_volumes = OfVolumes(storage, modality, trust_label_voxels)
        if dataset is not None:
            listed = dataclasses.replace(listed, name=dataset)
        if kind == "both":
            # What is for one kind is not for the other.
            chosen = recipe if recipe is None or is_for(recipe, 3 if is_volumes else 2) else None
            data = {"codec": codec} if is_volumes else data
            of_volumes = of_volumes if is_volumes else OfVolumes()
            listed = dataclasses.replace(
                listed, name=f"{listed.name}-{'volumes' if is_volumes else 'radiographs'}"
            )
        if not listed.name.isascii() and not holds_unicode(root):
            listed = dataclasses.replace(listed, name=ascii_name(listed.name))
        settings = (
            *several(overrides),
            *(f"data.{key}={value}" for key, value in data.items() if value is not None),
        )
        reports.append(
            ingest_dataset(listed, root, chosen, settings, count, limits, of_volumes, watch, replace)
        )
    first, *others = reports
    return dataclasses.replace(first, also=others[0]) if others else first


def ingest_table(
    table: Path,
    images: Path,
    *,
    patient_column: str | None = None,
    cache: Path = Path("cache"),
    dataset: str | None = None,
    recipe: RecipeChoice = None,
    overrides: Sequence[str] = (),
    replace: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """The images that a table of one's own names, with their labels; those that are there are not read again.

    Args:
        table: CSV with a line for each image; see `pcrl.datasets.layouts.images.table`.
        images: the folder that the paths in the table start from.
        patient_column: None: recognised by its name.
        dataset: its name in the cache. None: that of the table's file.
        replace: what is in the cache under this name may be thrown away for other settings, or other images.

    Raises:
        LayoutError: a table that cannot be used, or of which no image can be read.
        CacheError: the cache holds volumes under this name; and as `ingest`.
    """
    _refuse_in_a_worker()
    _check_name(dataset)
    listed = table_layout.find(table, images, patient_column=patient_column)
    if dataset is not None:
        listed = dataclasses.replace(listed, name=dataset)
    folder = cache / listed.name
    if (folder / DATASET_RECORD).exists():
        raise CacheError(
            f"{cache}: {listed.name} holds volumes: give the table's images another name with --dataset"
        )
    with writing(folder):
        watch = progress or Progress()
        workers = usable_cores()
        report = ingest_images(listed, cache, recipe, overrides, workers, of_readers(workers), watch, replace)
    present = CachedImages.open(folder).table
    if not len(present):
        name, reason = present.failed[0] if present.failed else ("", "the table is empty")
        raise LayoutError(f"{table}: no image of it could be read below {images}; {name}: {reason}")
    return report


def _check_name(dataset: str | None) -> None:
    if dataset is not None and safe_name(dataset) != dataset:
        raise LayoutError(
            f"{dataset!r} cannot be the name of a data set: use letters, digits, dots, dashes and underscores"
        )


def _refuse_in_a_worker() -> None:
    """A script without a guard is run again by each process that it starts, and would ingest there, too."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError('ingest starts processes: call it below `if __name__ == "__main__":`')
