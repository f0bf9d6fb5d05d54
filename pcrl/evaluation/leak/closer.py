"""Finer thumbnails of scans whose voxels are in the cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.images.reader import ImageReader
from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.engine.fingerprints.thumbnail import EDGES, thumbnail

_FINER = 2


class FromCache:
    """Makes thumbnails of twice the edge, of scans that a cache holds.

    Args:
        cache: of the evaluation.
        scans: that are asked for; what the cache holds under the name of one, with other pixels, is not it.
    """

    def __init__(self, cache: Cache, *scans: Fingerprints) -> None:
        self._cache, self._scans = cache, scans

    def __call__(self, name: str) -> NDArray[np.uint8] | None:
        """(channels, edges) of a scan by `DATASET/NAME`; none if the cache does not hold it."""
        dataset, _, case = name.partition("/")
        if dataset not in self._cache.names():
            return None
        if self._cache.image_sets((dataset,)):
            return self._image(dataset, case)
        found = [each for each in self._cache.dataset(dataset).cases if each.name == case]
        if not found or not self._is(name, found[0].record.pixels):
            return None
        return np.stack([thumbnail(channel, _FINER * EDGES[3]) for channel in found[0].voxels.read()])

    def _image(self, dataset: str, name: str) -> NDArray[np.uint8] | None:
        images = self._cache.image_set(dataset)
        table = images.table
        if name not in table.names:
            return None
        row = table.names.index(name)
        if not self._is(f"{dataset}/{name}", table.pixels[row]):
            return None
        height, width = table.shapes[row]
        reader = ImageReader(images.files, images.record.recipe.data)
        pixels = reader.read(int(table.index[row]), Scratch())[:height, :width]
        return thumbnail(pixels, _FINER * EDGES[2])[None]

    def _is(self, name: str, pixels: str) -> bool:
        """Whether one of the scans is of this name, and has this digest."""
        return any(
            pixels == digest.tobytes().hex()
            for scans in self._scans
            if name in scans.names
            for digest in scans.digests[scans.digest_of == scans.names.index(name)]
        )
