"""Opening a cache: data sets, cases, boxes of voxels."""

from __future__ import annotations

from pathlib import Path

from pcrl.engine.cache.digests import DIGESTS
from pcrl.engine.cache.format import CacheError, damage_error
from pcrl.engine.cache.images.dataset import IMAGE_SET_RECORD, SHARDS, CachedImages
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.engine.cache.volumes.records import CASES, DATASET_RECORD


class Cache:
    """A cache folder, which holds data sets of volumes and of images; given as `Path` or as text.

    Raises:
        CacheError: no cache there, or nothing in it; a data set there has lost its record.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = root = Path(root)
        self._volumes, self._images = (
            {path.parent.name: path.parent for path in sorted(root.glob(f"*/{record}"))}
            for record in (DATASET_RECORD, IMAGE_SET_RECORD)
        )
        lost = [
            path.parent
            for path in sorted(root.glob(f"*/{DIGESTS}"))
            if path.parent.name not in self.names()
            and any((path.parent / part).is_dir() for part in (CASES, SHARDS))
        ]
        if lost:
            # Without it, its patients would not be held back.
            raise damage_error(
                lost[0].name, f"{lost[0] / DATASET_RECORD} (or {IMAGE_SET_RECORD}) is missing", root
            )
        if not self.names():
            raise CacheError(
                f"{root} is not a cache, or an empty one: make one with `pcrl ingest --dataset NAME --cache {root}`"
            )

    def __repr__(self) -> str:
        return f"Cache({str(self.root)!r})"

    def __fspath__(self) -> str:
        """Its folder: whatever takes the folder of a cache takes the cache."""
        return str(self.root)

    def names(self) -> list[str]:
        """Names of the data sets."""
        return sorted({*self._volumes, *self._images})

    def dataset(self, name: str, as_is: bool = False) -> CachedDataset:
        """Open one data set of volumes; `CacheError` says what is there if there is no such one.

        Args:
            as_is: its files are not compared with what was written: for who mends it.
        """
        self._require((name,))
        if name not in self._volumes:
            raise CacheError(f"{self.root}: {name} holds images, not volumes")
        return CachedDataset.open(self._volumes[name], as_is)

    def image_set(self, name: str, as_is: bool = False) -> CachedImages:
        """Open one data set of images; as `dataset`."""
        self._require((name,))
        if name not in self._images:
            raise CacheError(f"{self.root}: {name} holds volumes, not images")
        return CachedImages.open(self._images[name], as_is)

    def datasets(self, names: tuple[str, ...] = (), as_is: bool = False) -> list[CachedDataset]:
        """Open those of the named data sets that hold volumes; of all if none is named."""
        self._require(names)
        return [self.dataset(name, as_is) for name in (names or self.names()) if name in self._volumes]

    def image_sets(self, names: tuple[str, ...] = (), as_is: bool = False) -> list[CachedImages]:
        """Open those of the named data sets that hold images; of all if none is named."""
        self._require(names)
        return [self.image_set(name, as_is) for name in (names or self.names()) if name in self._images]

    def _require(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name not in self.names():
                raise CacheError(f"{self.root} holds {', '.join(self.names())}, not {name!r}")
