"""The store of a format."""

from __future__ import annotations

from pcrl.engine.cache.volumes.records import Storage
from pcrl.engine.cache.volumes.store import Store


def store_of(storage: Storage) -> Store:
    """The store of a format."""
    # Either brings a library that the other does not need.
    if storage == "hdf5":
        from pcrl.engine.cache.volumes.hdf5 import Hdf5Store

        return Hdf5Store()
    from pcrl.engine.cache.volumes.ome_zarr import ZarrStore

    return ZarrStore()
