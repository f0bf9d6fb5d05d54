"""Which data sets there are to be verified, those that have lost their records included."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pcrl.engine.cache.commit import COMMIT
from pcrl.engine.cache.digests import DIGESTS, read_digests
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import IMAGE_SET_RECORD, SHARDS, STACK
from pcrl.engine.cache.volumes.records import CASES, DATASET_RECORD

_SIGNS = (DATASET_RECORD, IMAGE_SET_RECORD, DIGESTS, CASES, SHARDS, STACK)
"""What a data set may have left that was damaged."""


def folders_of(root: Path, names: tuple[str, ...] = ()) -> list[Path]:
    """Folders of the data sets in the cache at `root`, those that have lost their records included.

    Raises:
        CacheError: there is none, or none of a name that is asked for.
    """
    there = sorted(root.iterdir()) if root.is_dir() else []
    found = {path.name: path for path in there if any((path / sign).exists() for sign in _SIGNS)}
    if not found:
        raise CacheError(
            f"{root} is not a cache, or an empty one: make one with `pcrl ingest --dataset NAME --cache {root}`"
        )
    for name in names:
        if name not in found:
            raise CacheError(f"{root} holds {', '.join(found)}, not {name!r}")
    return [found[name] for name in names or found]


def is_of_images(folder: Path) -> bool:
    """Whether the data set in `folder` holds images: as `files.json` says, or else by what is left of it."""
    with suppress(CacheError):
        if digests := read_digests(folder):
            return IMAGE_SET_RECORD in digests.files
    signs = (IMAGE_SET_RECORD, SHARDS, STACK)
    return not (folder / DATASET_RECORD).exists() and any((folder / sign).exists() for sign in signs)


def parts_of(folder: Path) -> int:
    """How many cases or shards there are to be checked in a data set."""
    pattern = f"{SHARDS}/*.json" if is_of_images(folder) else f"{CASES}/*/{COMMIT}"
    return len(list(folder.glob(pattern)))
