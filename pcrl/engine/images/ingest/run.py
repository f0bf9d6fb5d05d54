"""From image files to a stack in the cache, shard by shard."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from pcrl.config import ImageData
from pcrl.datasets.image import Radiograph
from pcrl.engine.cache.chunks.frames import LEVELS, frame_in
from pcrl.engine.cache.chunks.shard import read_index, shard_path, write_shard
from pcrl.engine.cache.digests import forget_digests, write_digests
from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.engine.cache.images.dataset import (
    IMAGE_SET_RECORD,
    METADATA,
    STACK,
    ImageFile,
    ImageSetRecord,
    ShardRecord,
    dtype_of,
    edge,
    record_path,
    shard_records,
)
from pcrl.engine.cache.images.discard import discard_shards
from pcrl.engine.cache.images.table import ABOUT, TABLE, write_table
from pcrl.engine.cache.images.thumbnails import Thumbnails, old_thumbnails, write_thumbnails
from pcrl.engine.images.ingest.one import Ingested, Listed, failed, ingest
from pcrl.engine.images.ingest.plan import Plan, ShardPlan
from pcrl.files import new_file, remove, save_record, sha256_of, write_text
from pcrl.kernels.chunks.decode import MISSING
from pcrl.workers.fault import Fault
from pcrl.workers.limits import Limits, of_readers
from pcrl.workers.pool import Workers

_TOGETHER = 8
"""Images that a worker is handed at a time."""
_FOR_EACH = 16
"""Images for which one more worker is worth the second that it takes to start."""


Readers = Workers[Listed, Ingested]


def run(plan: Plan, workers: int, limits: Limits | None = None) -> Iterator[ImageFile]:
    """Do the plan; images come in order, as they are read. The caller holds the data set's lock.

    An image that cannot be read, or that kills the process which reads it, is named in what comes, and the others go
    on. A shard is there when its record is: killed at any time and run again, this goes on with the shard it was at.

    Args:
        workers: processes that read.
        limits: of each of them. None: `pcrl.workers.limits.of_readers`.

    Raises:
        RuntimeError: no process that reads images can be started.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    forget_digests(plan.folder)
    _describe_stack(plan)
    save_record(plan.record, plan.folder / IMAGE_SET_RECORD)
    images = {image.name: image for image in plan.dataset.images}
    writing: Future[None] | None = None
    allowed = limits or of_readers(workers)
    count = max(1, min(workers, -(-plan.todo // _FOR_EACH)))
    with Workers(ingest, count, allowed, _TOGETHER) as readers, ThreadPoolExecutor(1) as writer:
        for shard in plan.shards:
            if not shard.todo:
                continue
            files, frames, shown = yield from _read(plan, shard, images, readers)
            # A shard is written while the next one is read; no more than these two are in memory.
            if writing is not None:
                writing.result()
            writing = writer.submit(_write, plan, shard.number, files, frames, shown)
        if writing is not None:
            writing.result()
    _write_table(plan, images)
    write_digests(plan.folder)


def _describe_stack(plan: Plan) -> None:
    """The metadata of the stack; a stack of other settings is thrown away first."""
    data = plan.record.recipe.data
    old = plan.folder / IMAGE_SET_RECORD
    if old.exists() and read_record(ImageSetRecord, old).recipe.data != data:
        discard_shards(plan.folder, 0)
    side, stack = edge(data), plan.folder / STACK
    blosc = BloscCodec(
        cname=data.codec, clevel=LEVELS[data.codec], shuffle="shuffle", typesize=data.bits // 8
    )
    described = plan.folder / f".{STACK}.partial"
    zarr.create_array(
        described,
        shape=(max(1, plan.images), side, side),
        dtype=dtype_of(data),
        chunks=(1, side, side),
        shards=(data.shard, side, side),
        fill_value=0,
        dimension_names=["image", "y", "x"],
        compressors=[blosc, Crc32cCodec()],
    )
    stack.mkdir(exist_ok=True)
    write_text(stack / METADATA, (described / METADATA).read_text(encoding="utf-8"))
    remove(described)


def _read(
    plan: Plan, shard: ShardPlan, images: dict[str, Radiograph], readers: Readers
) -> Generator[ImageFile, None, tuple[list[ImageFile], list[bytes | None], Thumbnails]]:
    """Read what is to be read, and take the rest out of the shard as it is; returns all of it, in order."""
    data, source = plan.record.recipe.data, plan.dataset.source
    frames = _old_frames(shard_path(plan.folder / STACK, (shard.number, 0, 0)), shard, data)
    files: list[ImageFile] = []
    shown = old_thumbnails(plan.folder, shard.number, len(shard.names))
    answers = readers.in_order(Listed(name, images.get(name), source, data) for name in shard.todo)
    for place, (name, known) in enumerate(zip(shard.names, shard.known, strict=True)):
        if known is not None:
            files.append(known)
            continue
        listed, answer = next(answers)
        file, frames[name], look = failed(listed, answer.reason) if isinstance(answer, Fault) else answer
        files.append(file)
        shown[place] = 0 if look is None else look
        yield file
    return files, [frames.get(name) for name in shard.names], shown


def _write(
    plan: Plan, number: int, files: list[ImageFile], frames: list[bytes | None], shown: Thumbnails
) -> None:
    """A shard and its thumbnails, then its record."""
    data, path = plan.record.recipe.data, shard_path(plan.folder / STACK, (number, 0, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as partial:
        write_shard(partial, [*frames, *[None] * (data.shard - len(frames))])
    record = ShardRecord(
        format=FORMAT,
        settings=data,
        size=path.stat().st_size,
        sha256=sha256_of(path),
        images=tuple(files),
        thumbnails=write_thumbnails(plan.folder, number, shown),
    )
    save_record(record, record_path(plan.folder, number))


def _old_frames(path: Path, shard: ShardPlan, data: ImageData) -> dict[str, bytes | None]:
    """The compressed images that stay as they are."""
    kept = {name: place for place, name in enumerate(shard.names) if shard.known[place] is not None}
    if not kept:
        return {}
    offsets, sizes = read_index(path, data.shard)
    content = np.fromfile(path, np.uint8)
    frames: dict[str, bytes | None] = {}
    for name, place in kept.items():
        frame = None
        if offsets[place] != MISSING:
            frame = frame_in(content, int(offsets[place]), int(sizes[place]))
        if frame is None:
            raise CacheError(
                f"{path}: image {name} is damaged: run `pcrl cache verify --discard`, then ingest again"
            )
        frames[name] = frame
    return frames


def _write_table(plan: Plan, images: dict[str, Radiograph]) -> None:
    """A row for every place in the stack."""

    def rows() -> Iterator[list[object]]:
        index = 0
        for shard in shard_records(plan.folder):
            for file in shard.images:
                yield _row(index, file, images.get(file.name), plan)
                index += 1

    write_table(plan.folder / TABLE, plan.record.label_names, rows())


def _row(index: int, file: ImageFile, image: Radiograph | None, plan: Plan) -> list[object]:
    head: list[object] = [index, file.name, file.path]
    tail: list[object] = [*file.shape, *file.original_shape, file.pixels]
    if image is None:
        unknown = file.error or "no longer in the data set"
        nothing = [""] * (len(ABOUT) + len(plan.record.label_names))
        return [*head, "", "", "", "", 0, *tail, unknown, *nothing]
    about = image.about
    age = file.age if about.age is None else about.age
    return [
        *head,
        image.patient,
        image.study,
        image.view or file.view,
        plan.splits[image.name],
        int(image.virtual),
        *tail,
        file.error,
        "" if age is None else f"{age:g}",
        about.sex or file.sex,
        about.projection or file.projection,
        *["" if label is None else label for label in image.labels],
    ]
