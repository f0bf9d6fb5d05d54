"""Pixels of a case as OME-Zarr (NGFF 0.5), sharded: one file an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from pcrl.config import Data
from pcrl.engine.cache.format import IMAGE, LABEL, LABELS, ORIGINAL_LABEL, CacheError
from pcrl.engine.grid import Grid

LEVELS = {"lz4": 5, "zstd": 3}


def write_image(
    folder: Path, name: str, stored: NDArray[np.int16], grid: Grid, data: Data, attributes: dict[str, Any]
) -> None:
    """Write (channel, z, y, x) int16 as the image of the case in `folder`; `attributes` go under `pcrl`."""
    path = folder / IMAGE
    group = zarr.open_group(
        path,
        mode="w-",
        zarr_format=3,
        attributes={"ome": _ome(name, grid, channel=True), "pcrl": _direction(grid) | attributes},
    )
    _write_array(group, stored, data, fill=attributes["air"][0])


def write_labels(
    folder: Path, labels: NDArray[Any], grid: Grid, original: NDArray[Any], original_grid: Grid, data: Data
) -> None:
    """Write the `labels/` group into `folder`: the label on the cache's grid and on its own, both (z, y, x)."""
    names = [LABEL, ORIGINAL_LABEL]
    parent = zarr.open_group(
        folder, mode="w", zarr_format=3, attributes={"ome": {"version": "0.5", "labels": names}}
    )
    for name, values, where in zip(names, (labels, original), (grid, original_grid), strict=True):
        ome = _ome(name, where, channel=False) | {"image-label": {"source": {"image": "../../"}}}
        group = parent.create_group(name, attributes={"ome": ome, "pcrl": _direction(where)})
        _write_array(group, values, data, fill=0)


def open_image(folder: Path) -> zarr.Array[Any]:
    """The (channel, z, y, x) array of the case in `folder`."""
    return _open(folder / IMAGE / "0")


def open_label(folder: Path, original: bool = False) -> zarr.Array[Any]:
    """The (z, y, x) label of the case in `folder`, on the cache's grid or on its own."""
    return _open(folder / LABELS / (ORIGINAL_LABEL if original else LABEL) / "0")


def check_ome(path: Path, kind: str) -> None:
    """Validate NGFF 0.5 metadata of the group at `path`; `kind` is `image` or `label`.

    Raises:
        CacheError: not valid; the message says what the specification wants.
    """
    from ome_zarr_models.v05.image import Image
    from ome_zarr_models.v05.image_label import ImageLabel

    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        (Image if kind == "image" else ImageLabel).from_zarr(group)
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        raise CacheError(f"{path} is not valid OME-Zarr 0.5: {error}") from error


def _open(path: Path) -> zarr.Array[Any]:
    try:
        return zarr.open_array(path, mode="r", zarr_format=3)
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise CacheError(f"{path} cannot be opened ({error}): run `pcrl cache verify`") from error


def _write_array(group: zarr.Group, values: NDArray[Any], data: Data, fill: int) -> None:
    inner = (*[1] * (values.ndim - 3), *[data.chunk] * 3)
    shard = tuple(-(-n // c) * c for n, c in zip(values.shape, inner, strict=True))
    array = group.create_array(
        "0",
        shape=values.shape,
        dtype=values.dtype,
        chunks=inner,
        shards=shard,
        fill_value=fill,
        dimension_names=[*["c"] * (values.ndim - 3), "z", "y", "x"],
        # A flipped bit in a Blosc frame often decodes to wrong values without an error: hence the CRC.
        compressors=[
            BloscCodec(
                cname=data.codec,
                clevel=LEVELS[data.codec],
                shuffle="bitshuffle",
                typesize=values.dtype.itemsize,
            ),
            Crc32cCodec(),
        ],
    )
    array[...] = values


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
