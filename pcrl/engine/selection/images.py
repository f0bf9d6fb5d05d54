"""Images to pre-train on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageRecipe
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.fingerprints.fingerprints import joined
from pcrl.engine.images.render import ImageRenderer
from pcrl.engine.selection.fingerprints import fingerprints_of_images
from pcrl.engine.selection.selection import Seen


@dataclass(frozen=True, slots=True)
class ImageSelection:
    """Images to train on: positions in the tables of data sets; see `pcrl.engine.selection.selection.Selection`."""

    recipe: ImageRecipe
    sets: tuple[tuple[CachedImages, NDArray[np.int64]], ...]
    held_back: int

    def __len__(self) -> int:
        return sum(len(chosen) for _, chosen in self.sets)

    def renderer(self) -> ImageRenderer:
        """See `pcrl.engine.selection.selection.Selection`."""
        return ImageRenderer(self.sets, self.recipe)

    def seen(self) -> Seen:
        """See `pcrl.engine.selection.selection.Selection`."""
        chosen = [(images, rows) for images, rows in self.sets if len(rows)]
        return Seen(
            {images.name for images, _ in chosen},
            joined([fingerprints_of_images(images, rows) for images, rows in chosen]),
        )

    def identity(self) -> str:
        """See `pcrl.engine.selection.selection.Selection`."""
        digest = hashlib.sha256()
        for images, chosen in self.sets:
            digest.update(f"{images.name}\n".encode() + images.table_bytes() + chosen.tobytes())
        return digest.hexdigest()

    def describe(self) -> str:
        """See `pcrl.engine.selection.selection.Selection`."""
        rows = [(images.table, n) for images, chosen in self.sets for n in chosen]
        patients = {table.patients[n] for table, n in rows}
        made = sum(bool(table.virtual[n]) for table, n in rows)
        return f"{len(rows)} images of {len(patients)} patients" + (f", {made} synthetic" if made else "")


def select_images(image_sets: Sequence[CachedImages], held: set[str], recipe: ImageRecipe) -> ImageSelection:
    """The images of `image_sets` whose patients are not held back."""
    sets, held_back = [], 0
    for images in image_sets:
        free = np.array([patient not in held for patient in images.table.patients], bool)
        sets.append((images, np.flatnonzero(free)))
        held_back += int((~free).sum())
    return ImageSelection(recipe, tuple(sets), held_back)
