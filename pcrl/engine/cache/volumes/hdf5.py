"""Pixels of a case as HDF5: the same arrays, attributes and compressed frames as the OME-Zarr image has.

Chunks are written and found without HDF5's filter pipeline, so that pcrl needs no filter plugin; other programs need
the Blosc filter (`import hdf5plugin`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pcrl.engine.cache.chunks.frames import LEVELS, ChunkTable, Frames, counts, crc_of
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.volumes.records import HDF5_LABELS, LABEL, ORIGINAL_LABEL
from pcrl.engine.cache.volumes.store import Store
from pcrl.engine.geometry.grid import Grid
from pcrl.files import new_file
from pcrl.kernels.chunks.decode import MISSING

BLOSC_FILTER = 32001
_CODECS = {"lz4": 1, "zstd": 5}
"""Numbers of the codecs in the options of the Blosc filter."""
_FILTER_VERSION, _FRAME_VERSION, _SHUFFLE = 2, 2, 1


class Hdf5Store(Store):
    """One file a case; labels in a file of their own, so that adding them leaves the image as it is."""

    image = "image.h5"
    labels = HDF5_LABELS
    image_files, label_files = (image,), (labels,)

    def write_image(
        self, folder: Path, name: str, frames: Frames, grid: Grid, attributes: dict[str, Any]
    ) -> None:
        """See `Store`."""
        with new_file(folder / self.image) as partial, h5py.File(partial, "w") as file:
            file.attrs["name"] = name
            file.attrs["pcrl"] = json.dumps(attributes)
            _write_array(file, "0", frames, grid)

    def write_labels(
        self, folder: Path, label: Frames, grid: Grid, original: Frames, original_grid: Grid
    ) -> None:
        """See `Store`."""
        with new_file(folder / self.labels) as partial, h5py.File(partial, "w") as file:
            _write_array(file, LABEL, label, grid)
            _write_array(file, ORIGINAL_LABEL, original, original_grid)

    def image_table(self, folder: Path) -> ChunkTable:
        """See `Store`."""
        return _table(folder / self.image, "0")

    def label_table(self, folder: Path, original: bool = False) -> ChunkTable:
        """See `Store`."""
        return _table(folder / self.labels, ORIGINAL_LABEL if original else LABEL)

    def image_attributes(self, folder: Path) -> dict[str, Any]:
        """See `Store`."""
        with _opened(folder / self.image) as file:
            attributes: dict[str, Any] = json.loads(file.attrs["pcrl"])
        return attributes

    def check(self, folder: Path, labelled: bool) -> None:
        """See `Store`: there is no specification but ours; every array must be found."""
        self.image_table(folder)
        if labelled:
            self.label_table(folder)
            self.label_table(folder, original=True)


def _write_array(file: h5py.File, name: str, frames: Frames, grid: Grid) -> None:
    options = (
        _FILTER_VERSION,
        _FRAME_VERSION,
        frames.dtype.itemsize,
        int(np.prod(frames.chunk)) * frames.dtype.itemsize,
        LEVELS[frames.codec],
        _SHUFFLE,
        _CODECS[frames.codec],
    )
    array = file.create_dataset(
        name,
        shape=frames.shape,
        dtype=frames.dtype,
        chunks=frames.chunk,
        # HDF5 takes a chunk that is longer than its axis only where the axis could grow.
        maxshape=(None,) * len(frames.shape),
        fillvalue=frames.fill,
        compression=BLOSC_FILTER,
        compression_opts=options,
        allow_unknown_filter=True,
    )
    array.attrs["spacing"], array.attrs["origin"] = grid.spacing, grid.origin
    array.attrs["direction"] = grid.direction
    array.attrs["codec"] = frames.codec
    places = counts(frames.shape, frames.chunk)
    crcs = np.zeros(places, np.uint32)
    for place, frame in zip(np.ndindex(*places), frames.data, strict=True):
        if frame is not None:
            array.id.write_direct_chunk(tuple(p * c for p, c in zip(place, frames.chunk, strict=True)), frame)
            crcs[place] = crc_of(frame)
    file.create_dataset(f"{name}_crc32c", data=crcs)


def _table(path: Path, name: str) -> ChunkTable:
    with _opened(path) as file:
        try:
            for part in (name, f"{name}_crc32c"):
                _require_here(path, file, part)
            array = file[name]
            crcs: np.ndarray[Any, np.dtype[np.uint32]] = file[f"{name}_crc32c"][...]
            codec = array.attrs["codec"]
        except (KeyError, OSError) as error:
            raise CacheError(f"{path}: {name} cannot be read ({error}): run `pcrl cache verify`") from error
        offsets = np.full(crcs.shape, MISSING, np.uint64)
        sizes = np.zeros(crcs.shape, np.uint32)

        def note(chunk: h5py.h5d.StoreInfo) -> None:
            place = tuple(o // c for o, c in zip(chunk.chunk_offset, array.chunks, strict=True))
            offsets[place], sizes[place] = chunk.byte_offset, chunk.size

        array.id.chunk_iter(note)
        return ChunkTable(
            path, array.shape, array.dtype, array.chunks, int(array.fillvalue), codec, offsets, sizes, crcs
        )


def _require_here(path: Path, file: h5py.File, name: str) -> None:
    """Raise `CacheError` if an array lies in another file than this one: HDF5 has links of its own."""
    link = file.get(name, getlink=True)
    array = file[name] if isinstance(link, h5py.HardLink) else None
    if array is None or array.external or array.is_virtual:
        raise CacheError(
            f"{path}: {name} is kept elsewhere than in this file, as pcrl never keeps it: ingest it again"
        )


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        raise CacheError(f"{path} cannot be opened ({error}): run `pcrl cache verify`") from error
