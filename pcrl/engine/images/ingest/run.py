"""From image files to a stack in the cache, shard by shard."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import zarr
from numcodecs import Blosc
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from pcrl.config import ImageData
from pcrl.datasets.image import Radiograph
from pcrl.datasets.names import printable
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
    pixels_of,
    record_path,
    shard_records,
)
from pcrl.engine.cache.images.discard import discard_shards
from pcrl.engine.cache.images.table import ABOUT, TABLE, write_table
from pcrl.engine.cache.images.thumbnails import Thumbnails, old_thumbnails, write_thumbnails
from pcrl.engine.errors import ReadError
from pcrl.engine.fingerprints.thumbnail import thumbnail
from pcrl.engine.images.ingest.plan import Plan, ShardPlan
from pcrl.engine.images.reading import read_picture
from pcrl.files import new_file, remove, save_record, sha256_of, write_text
from pcrl.kernels.chunks.decode import MISSING

Ingested = tuple[ImageFile, bytes | None, NDArray[np.uint8] | None]
"""What an image is, its compressed pixels and its thumbnail; none of one that cannot be read."""
_IN_FLIGHT, _TOGETHER = 2, 8
"""Tasks under way for each thread, and images in a task: handing over single ones took a thirtieth of the time."""


def run(plan: Plan, threads: int) -> Iterator[ImageFile]:
    """Do the plan; images come in order, as they are read. The caller holds the data set's lock.

    An image that cannot be read is named in what comes, and the others go on. A shard is there when its record is:
    killed at any time and run again, this goes on with the shard it was at.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    forget_digests(plan.folder)
    _describe_stack(plan)
    save_record(plan.record, plan.folder / IMAGE_SET_RECORD)
    images = {image.name: image for image in plan.dataset.images}
    writing: Future[None] | None = None
    with ThreadPoolExecutor(threads) as pool, ThreadPoolExecutor(1) as writer:
        for shard in plan.shards:
            if not shard.todo:
                continue
            files, frames, shown = yield from _read(plan, shard, images, pool, threads)
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
    plan: Plan, shard: ShardPlan, images: dict[str, Radiograph], pool: ThreadPoolExecutor, threads: int
) -> Generator[ImageFile, None, tuple[list[ImageFile], list[bytes | None], Thumbnails]]:
    """Read what is to be read, and take the rest out of the shard as it is; returns all of it, in order."""
    data = plan.record.recipe.data
    frames = _old_frames(shard_path(plan.folder / STACK, (shard.number, 0, 0)), shard, data)
    files: list[ImageFile] = []
    shown = old_thumbnails(plan.folder, shard.number, len(shard.names))
    waiting: deque[Future[list[Ingested]]] = deque()
    groups = iter([shard.todo[n : n + _TOGETHER] for n in range(0, len(shard.todo), _TOGETHER)])
    ready: deque[Ingested] = deque()
    for place, (name, known) in enumerate(zip(shard.names, shard.known, strict=True)):
        if known is not None:
            files.append(known)
            continue
        while len(waiting) < _IN_FLIGHT * threads and (more := next(groups, None)) is not None:
            listed = [(each, images.get(each)) for each in more]
            waiting.append(pool.submit(_ingest, listed, plan.dataset.source, data))
        if not ready:
            ready.extend(waiting.popleft().result())
        file, frames[name], look = ready.popleft()
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


def _ingest(listed: list[tuple[str, Radiograph | None]], source: Path, data: ImageData) -> list[Ingested]:
    return [_ingest_one(name, image, source, data) for name, image in listed]


def _ingest_one(name: str, image: Radiograph | None, source: Path, data: ImageData) -> Ingested:
    if image is None:
        # It could not be read before, and is no longer listed.
        return (
            ImageFile(name=name, path="", size=0, modified=0, error="no longer in the data set"),
            None,
            None,
        )
    path, stored = source / image.path, printable(image.path)
    size, modified = 0, 0
    try:
        status = path.stat() if path.exists() else None
        size, modified = (status.st_size, status.st_mtime_ns) if status else (0, 0)
        picture = read_picture(path, data)
    except ReadError as error:
        reason = printable(str(error))
        return ImageFile(name=name, path=stored, size=size, modified=modified, error=reason), None, None
    except Exception as error:  # nothing else is lost when one image cannot be read
        reason = printable(f"{path}: {type(error).__name__}: {error}")
        return ImageFile(name=name, path=stored, size=size, modified=modified, error=reason), None, None
    height, width = picture.values.shape
    chunk = np.zeros((1, edge(data), edge(data)), dtype_of(data))
    chunk[0, :height, :width] = picture.values
    frame = Blosc(data.codec, LEVELS[data.codec], Blosc.SHUFFLE).encode(chunk)
    file = ImageFile(
        name=name,
        path=stored,
        size=size,
        modified=modified,
        shape=(height, width),
        original_shape=picture.original_shape,
        pixels=pixels_of(picture.values),
        content=sha256_of(path),
        source_pixels=picture.source_pixels,
        note=printable(picture.note),
        age=picture.about.age,
        sex=picture.about.sex,
        projection=picture.about.projection,
        view=picture.view,
    )
    return file, frame, thumbnail(picture.values)


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
