"""One image: read, shrunk and compressed, or why it cannot be; by a worker, which may die of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numcodecs import Blosc
from numpy.typing import NDArray

from pcrl.config import ImageData
from pcrl.datasets.image import Radiograph
from pcrl.datasets.names import printable
from pcrl.engine.cache.chunks.frames import LEVELS
from pcrl.engine.cache.images.dataset import ImageFile, dtype_of, edge, pixels_of
from pcrl.engine.errors import ReadError
from pcrl.engine.fingerprints.thumbnail import thumbnail
from pcrl.engine.images.reading import read_picture
from pcrl.files import sha256_of

Ingested = tuple[ImageFile, bytes | None, NDArray[np.uint8] | None]
"""What an image is, its compressed pixels and its thumbnail; none of one that cannot be read."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An image that is to be read; none of the data set if it could not be read before, and is no longer listed."""

    name: str
    image: Radiograph | None
    source: Path
    data: ImageData


def ingest(listed: Listed) -> Ingested:
    """Read and compress one image."""
    name, image, data = listed.name, listed.image, listed.data
    if image is None:
        gone = ImageFile(name=name, path="", size=0, modified=0, error="no longer in the data set")
        return gone, None, None
    path, stored = listed.source / image.path, printable(image.path)
    try:
        picture = read_picture(path, data)
        status = path.stat()
        size, modified, content = status.st_size, status.st_mtime_ns, sha256_of(path)
    except ReadError as error:
        return failed(listed, printable(str(error)))
    except OSError as error:
        return failed(listed, printable(f"{path}: cannot be read: {error.strerror or error}"))
    except Exception as error:  # nothing else is lost when one image cannot be read
        return failed(listed, printable(f"{path}: {type(error).__name__}: {error}"))
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
        content=content,
        source_pixels=picture.source_pixels,
        note=printable(picture.note),
        age=picture.about.age,
        sex=picture.about.sex,
        projection=picture.about.projection,
        view=picture.view,
    )
    return file, frame, thumbnail(picture.values)


def failed(listed: Listed, reason: str) -> Ingested:
    """What is kept of an image that cannot be read: its name and the reason, which names its file."""
    path = listed.source / listed.image.path if listed.image else Path()
    try:
        status = path.stat()
        size, modified = status.st_size, status.st_mtime_ns
    except OSError:
        size, modified = 0, 0
    where = printable(str(path))
    error = reason if reason.startswith(where) else f"{where}: {reason}"
    stored = printable(listed.image.path) if listed.image else ""
    return ImageFile(name=listed.name, path=stored, size=size, modified=modified, error=error), None, None
