"""Opening a cache: data sets, cases, boxes of voxels."""

from __future__ import annotations

from pathlib import Path

from pcrl.engine.cache.commit import is_committed
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.images.dataset import IMAGE_SET_RECORD, CachedImages
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.engine.cache.volumes.records import (
    DATASET_RECORD,
    DatasetRecord,
)
from pcrl.engine.cache.volumes.stores import store_of


class Cache:
    """A cache folder, which holds data sets of volumes and of images; given as `Path` or as text.

    Raises:
        CacheError: no cache there, or nothing in it.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = root = Path(root)
        self._volumes, self._images = (
            {path.parent.name: path.parent for path in sorted(root.glob(f"*/{record}"))}
            for record in (DATASET_RECORD, IMAGE_SET_RECORD)
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

    def dataset(self, name: str) -> CachedDataset:
        """Open one data set of volumes; `CacheError` says what is there if there is no such one."""
        self._require((name,))
        if name not in self._volumes:
            raise CacheError(f"{self.root}: {name} holds images, not volumes")
        folder = self._volumes[name]
        record = read_record(DatasetRecord, folder / DATASET_RECORD)
        store = store_of(record.storage)
        cases = tuple(
            CachedCase(name, case, folder / "cases" / case, entry, store)
            for case, entry in record.cases.items()
            if is_committed(folder / "cases" / case)
        )
        return CachedDataset(folder, record, cases)

    def image_set(self, name: str) -> CachedImages:
        """Open one data set of images; `CacheError` says what is there if there is no such one."""
        self._require((name,))
        if name not in self._images:
            raise CacheError(f"{self.root}: {name} holds volumes, not images")
        return CachedImages.open(self._images[name])

    def datasets(self, names: tuple[str, ...] = ()) -> list[CachedDataset]:
        """Open those of the named data sets that hold volumes; of all if none is named."""
        self._require(names)
        return [self.dataset(name) for name in (names or self.names()) if name in self._volumes]

    def image_sets(self, names: tuple[str, ...] = ()) -> list[CachedImages]:
        """Open those of the named data sets that hold images; of all if none is named."""
        self._require(names)
        return [self.image_set(name) for name in (names or self.names()) if name in self._images]

    def _require(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name not in self.names():
                raise CacheError(f"{self.root} holds {', '.join(self.names())}, not {name!r}")
