"""Pixels of a case as OME-Zarr (NGFF 0.5), sharded: one file an array.

zarr-python writes the metadata, `pcrl.engine.cache.chunks.shard` the shards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from pcrl.engine.cache.chunks.frames import LEVELS, ChunkTable, Frames, counts
from pcrl.engine.cache.chunks.shard import read_index, shard_path, write_shard
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.volumes.records import LABEL, LABEL_FILES, ORIGINAL_LABEL, ZARR_IMAGE
from pcrl.engine.cache.volumes.store import Store
from pcrl.engine.geometry.grid import Grid
from pcrl.files import new_folder

_INNER = ["bytes", "blosc", "crc32c"]
_INDEX = ["bytes", "crc32c"]


class ZarrStore(Store):
    """One OME-Zarr image a case, its labels in the image's `labels` group."""

    image = ZARR_IMAGE
    labels = f"{image}/labels"
    image_files = (f"{image}/zarr.json", f"{image}/0/zarr.json", f"{image}/0/c/0/0/0/0")
    label_files = LABEL_FILES

    def write_image(
        self, folder: Path, name: str, frames: Frames, grid: Grid, attributes: dict[str, Any]
    ) -> None:
        """See `Store`."""
        group = zarr.open_group(
            folder / self.image,
            mode="w-",
            zarr_format=3,
            attributes={"ome": _ome(name, grid, channel=True), "pcrl": _direction(grid) | attributes},
        )
        _write_array(folder / self.image, group, frames)

    def write_labels(
        self, folder: Path, label: Frames, grid: Grid, original: Frames, original_grid: Grid
    ) -> None:
        """See `Store`."""
        names = (LABEL, ORIGINAL_LABEL)
        with new_folder(folder / self.labels) as partial:
            attributes: Any = {"ome": {"version": "0.5", "labels": list(names)}}
            parent = zarr.open_group(partial, mode="w", zarr_format=3, attributes=attributes)
            for name, frames, where in zip(names, (label, original), (grid, original_grid), strict=True):
                ome = _ome(name, where, channel=False) | {"image-label": {"source": {"image": "../../"}}}
                group = parent.create_group(name, attributes={"ome": ome, "pcrl": _direction(where)})
                _write_array(partial / name, group, frames)

    def image_table(self, folder: Path) -> ChunkTable:
        """See `Store`."""
        return _table(folder / self.image / "0")

    def label_table(self, folder: Path, original: bool = False) -> ChunkTable:
        """See `Store`."""
        return _table(folder / self.labels / (ORIGINAL_LABEL if original else LABEL) / "0")

    def image_attributes(self, folder: Path) -> dict[str, Any]:
        """See `Store`."""
        attributes: dict[str, Any] = _json(folder / self.image)["attributes"]["pcrl"]
        return {name: value for name, value in attributes.items() if name != "direction"}

    def check(self, folder: Path, labelled: bool) -> None:
        """See `Store`; by the models of the NGFF specification."""
        from ome_zarr_models.v05.image import Image
        from ome_zarr_models.v05.image_label import ImageLabel

        checks: list[tuple[Path, Any]] = [(folder / self.image, Image)]
        if labelled:
            checks += [(folder / self.labels / name, ImageLabel) for name in (LABEL, ORIGINAL_LABEL)]
        for path, model in checks:
            try:
                model.from_zarr(zarr.open_group(path, mode="r", zarr_format=3))
            except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
                raise CacheError(f"{path} is not valid OME-Zarr 0.5: {error}") from error


def _write_array(path: Path, group: zarr.Group, frames: Frames) -> None:
    """Create the array `0` of a group: its metadata by zarr-python, its one shard by hand."""
    grid = counts(frames.shape, frames.chunk)
    blosc = BloscCodec(
        cname=frames.codec, clevel=LEVELS[frames.codec], shuffle="shuffle", typesize=frames.dtype.itemsize
    )
    group.create_array(
        "0",
        shape=frames.shape,
        dtype=frames.dtype,
        chunks=frames.chunk,
        shards=tuple(n * c for n, c in zip(grid, frames.chunk, strict=True)),
        fill_value=frames.fill,
        dimension_names=["c", "z", "y", "x"][-len(frames.shape) :],
        # A flipped bit in a Blosc frame often decodes to wrong values without an error: hence the CRC.
        compressors=[blosc, Crc32cCodec()],
    )
    if any(frame is not None for frame in frames.data):
        write_shard(shard_path(path / "0", [0] * len(grid)), frames.data)


def _table(path: Path) -> ChunkTable:
    meta = _json(path)
    try:
        (codec,) = meta["codecs"]
        settings = codec["configuration"]
        shape, chunk = tuple(meta["shape"]), tuple(settings["chunk_shape"])
        grid = counts(shape, chunk)
        as_written = (
            codec["name"] == "sharding_indexed"
            and settings["index_location"] == "end"
            and [c["name"] for c in settings["codecs"]] == _INNER
            and [c["name"] for c in settings["index_codecs"]] == _INDEX
            and tuple(meta["chunk_grid"]["configuration"]["chunk_shape"])
            == tuple(n * c for n, c in zip(grid, chunk, strict=True))
        )
        dtype, fill = np.dtype(meta["data_type"]), int(meta["fill_value"])
        compression = settings["codecs"][1]["configuration"]["cname"]
    except (KeyError, TypeError, ValueError) as error:
        raise CacheError(f"{path}/zarr.json cannot be read ({error!r}): run `pcrl cache verify`") from error
    if not as_written:
        raise CacheError(
            f"{path} is not stored as pcrl stores it (one shard, Blosc, CRC-32C): ingest it again"
        )
    shard = shard_path(path, [0] * len(grid))
    offsets, sizes = read_index(shard, int(np.prod(grid)))
    no_crcs = np.empty((0,) * len(grid), np.uint32)
    return ChunkTable(
        shard, shape, dtype, chunk, fill, compression, offsets.reshape(grid), sizes.reshape(grid), no_crcs
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CacheError(f"{path} cannot be opened ({error}): run `pcrl cache verify`") from error
    return meta


def _ome(name: str, grid: Grid, channel: bool) -> dict[str, Any]:
    space = [{"name": axis, "type": "space", "unit": "millimeter"} for axis in "zyx"]
    extra = [{"name": "c", "type": "channel"}] if channel else []
    one, zero = ([1.0], [0.0]) if channel else ([], [])
    transforms = [
        {"type": "scale", "scale": [*one, *grid.spacing]},
        {"type": "translation", "translation": [*zero, *grid.origin]},
    ]
    datasets = [{"path": "0", "coordinateTransformations": transforms}]
    return {"version": "0.5", "multiscales": [{"name": name, "axes": [*extra, *space], "datasets": datasets}]}


def _direction(grid: Grid) -> dict[str, Any]:
    """NGFF 0.5 has no rotation: the direction is an attribute of ours."""
    return {"direction": [list(row) for row in grid.direction]}
