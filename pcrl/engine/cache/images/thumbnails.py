"""The thumbnails beside a shard of images, by which copies of an image are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.format import CacheError, is_regular_or_missing, link_error
from pcrl.engine.cache.images.dataset import SHARDS, ShardRecord
from pcrl.engine.fingerprints.thumbnail import EDGES
from pcrl.files import new_file, sha256_of

Thumbnails = NDArray[np.uint8]
"""(images of a shard, 32, 32); zeros of an image that could not be read, or that an earlier version stored."""


def thumbnails_path(folder: Path, shard: int) -> Path:
    """Where the thumbnails of a shard are."""
    return folder / SHARDS / f"{shard:06}.npy"


def write_thumbnails(folder: Path, shard: int, shown: Thumbnails) -> str:
    """Write or replace those of a shard; SHA-256 of the file, for its record."""
    path = thumbnails_path(folder, shard)
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as partial, partial.open("wb") as file:
        np.save(file, shown)
    return sha256_of(path)


def old_thumbnails(folder: Path, shard: int, images: int) -> Thumbnails:
    """What is there of a shard that is to hold so many images; zeros for the rest."""
    edge = EDGES[2]
    shown = np.zeros((images, edge, edge), np.uint8)
    if thumbnails_path(folder, shard).exists():
        there = read_thumbnails(folder, shard)
        shown[: len(there)] = there[:images]
    return shown


def read_thumbnails(folder: Path, shard: int) -> Thumbnails:
    """Those of a shard.

    Raises:
        CacheError: damaged, or a link.
    """
    path, edge = thumbnails_path(folder, shard), EDGES[2]
    if not is_regular_or_missing(path):
        raise link_error(path)
    try:
        shown: Thumbnails = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CacheError(f"{path} cannot be read ({error}): run `pcrl cache upgrade`") from error
    if shown.dtype != np.uint8 or shown.shape[1:] != (edge, edge):
        raise CacheError(
            f"{path} holds {shown.dtype} {shown.shape}, not uint8 (images, {edge}, {edge}): run `pcrl cache upgrade`"
        )
    return shown


def thumbnail_faults(folder: Path, shard: int, record: ShardRecord) -> list[str]:
    """What of a shard's thumbnails is not as it was written; nothing if an earlier version made the shard."""
    if not record.thumbnails:
        return []
    path = thumbnails_path(folder, shard)
    if not path.is_file():
        return [f"{path.name}: missing; pcrl cache upgrade makes it anew"]
    if sha256_of(path) != record.thumbnails:
        return [
            f"{path.name}: content differs from what was written (SHA-256); pcrl cache upgrade makes it anew"
        ]
    return []
