"""What an ingest of images has to do: which are new, which have changed, and where each one goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pcrl.config import ImageData, ImageRecipe
from pcrl.datasets.case import Split
from pcrl.datasets.image import ImageDataset, Radiograph
from pcrl.datasets.names import printable
from pcrl.engine import splits
from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.engine.cache.images.dataset import (
    DISCARDED,
    IMAGE_SET_RECORD,
    ImageFile,
    ImageSetRecord,
    ShardRecord,
    shard_records,
    stack_path,
)
from pcrl.engine.cache.images.table import TABLE, read_table
from pcrl.engine.cache.secret import check_secret
from pcrl.files import is_there
from pcrl.listing import counted

SECONDS_PER_IMAGE = 0.02
"""Order of magnitude of reading, shrinking and storing one image on one core."""
BYTES_PER_PIXEL = 1.0
"""Stored, of an 8-bit image: an upper limit; radiographs of 256 pixels take about 0.7 with lz4."""


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """What has to be done for one shard.

    Args:
        known: what its record says of the images in it; none for those that are new or to be read again.
    """

    number: int
    names: tuple[str, ...]
    known: tuple[ImageFile | None, ...]

    @property
    def todo(self) -> tuple[str, ...]:
        """Names of the images to be read."""
        return tuple(n for n, known in zip(self.names, self.known, strict=True) if known is None)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an ingest would do, before it does anything."""

    dataset: ImageDataset
    folder: Path
    record: ImageSetRecord
    splits: dict[str, Split]
    shards: tuple[ShardPlan, ...]
    notes: tuple[str, ...]

    @property
    def images(self) -> int:
        """Images in the stack, those that cannot be read included."""
        return sum(len(shard.names) for shard in self.shards)

    @property
    def todo(self) -> int:
        """Images to be read."""
        return sum(len(shard.todo) for shard in self.shards)

    @property
    def work(self) -> str:
        """What is to be done, in words."""
        return f"{counted(self.todo, 'image')} to read" if self.todo else "nothing to read"

    @property
    def bytes_needed(self) -> int:
        """Estimated disk space."""
        data = self.record.recipe.data
        return int(self.todo * data.size**2 * 1.3 * BYTES_PER_PIXEL * data.bits / 8)

    def seconds_needed(self, threads: int) -> float:
        """Estimated time with so many threads."""
        return self.todo * SECONDS_PER_IMAGE / threads


def plan(dataset: ImageDataset, cache: Path, recipe: ImageRecipe, replacing: bool = False) -> Plan:
    """Compare a data set with what is in the cache.

    An image keeps its place in the stack for ever; new ones come after the last. Images that could not be read are
    tried again.

    Args:
        replacing: an image may take the place of one that was read from another folder.

    Raises:
        CacheError: an image would take the place of one from another folder; what is in the cache cannot be read, or is
            of another format.
    """
    folder = cache / dataset.name
    root = printable(str(dataset.source.resolve()))
    assigned, notes = splits.assign(dataset.images, dataset.shares)
    present = folder / IMAGE_SET_RECORD
    old = read_record(ImageSetRecord, present) if present.exists() else None
    if old is not None:
        check_secret(dataset.secret, old.secret, folder)
        notes += splits.moved(_splits_before(folder, old), assigned)
    record = ImageSetRecord(
        format=FORMAT,
        name=dataset.name,
        recipe=recipe,
        label_names=dataset.label_names,
        split_seed=splits.SEED,
        shares=dataset.shares,
        secret=dataset.secret or (old.secret if old else ""),
        root=root,
        digests=True,
    )
    known = {
        image.name: image
        if _is_kept(shard, image, recipe.data) and is_there(stack_path(folder, number))
        else None
        for number, shard in enumerate(shard_records(folder))
        for image in shard.images
    }
    images = {image.name: image for image in dataset.images}
    if not replacing and (folder / IMAGE_SET_RECORD).exists():
        before = read_record(ImageSetRecord, folder / IMAGE_SET_RECORD).root
        _refuse_second_sources(dataset, folder, before, root, known)
    names = [*known, *(name for name in images if name not in known)]
    size = recipe.data.shard
    shards = []
    for start in range(0, len(names), size):
        here = tuple(names[start : start + size])
        kept = tuple(_unchanged(known.get(name), images.get(name), dataset.source) for name in here)
        shards.append(ShardPlan(start // size, here, kept))
    return Plan(dataset, folder, record, assigned, tuple(shards), (*dataset.notes, *notes))


def _is_kept(shard: ShardRecord, image: ImageFile, data: ImageData) -> bool:
    return shard.settings == data and not image.error and image.modified != DISCARDED


def _splits_before(folder: Path, record: ImageSetRecord) -> dict[str, str]:
    try:
        table = read_table(folder / TABLE, record.label_names)
    except (CacheError, OSError):
        return {}  # It is written anew.
    return dict(zip(table.names, table.splits, strict=True))


def _refuse_second_sources(
    dataset: ImageDataset, folder: Path, before: str, now: str, known: Mapping[str, ImageFile | None]
) -> None:
    if before in ("", now):
        return
    images = {image.name: image for image in dataset.images}
    second = [
        name
        for name, there in known.items()
        if there is not None and _would_go(there, images.get(name), dataset.source)
    ]
    if second:
        raise CacheError(
            f"{folder} holds {counted(len(second), 'image')} of {before} that {now} does not have, or has other files "
            f"for, such as {second[0]}: they would be gone. Give these images a data set of their own (--dataset "
            "NAME); if the folder was only moved, or these are to replace what is there, give --replace"
        )


def _would_go(there: ImageFile, image: Radiograph | None, source: Path) -> bool:
    """Whether an image of the cache would be dropped, or read from another file."""
    return image is None or ((source / image.path).exists() and _unchanged(there, image, source) is None)


def _unchanged(known: ImageFile | None, image: Radiograph | None, source: Path) -> ImageFile | None:
    """What is known of an image, if its file is still the one that was read, or is no longer listed."""
    if known is None or image is None:
        return known
    try:
        status = (source / image.path).stat()
    except OSError:
        return None
    same = (printable(image.path), status.st_size, status.st_mtime_ns) == (
        known.path,
        known.size,
        known.modified,
    )
    return known if same else None
