"""The images that are measured on: shapes and grain that a PNG compresses as it does the radiographs of ChestX-ray14.

That data set has 1024×1024 pixels and 0.4 MB an image. What is drawn resembles a chest only in how rough and how
smooth it is, on which the time for decoding depends.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

FOLDER = Path(__file__).parent / "data" / "radiographs"
COUNT, EDGE, SMALL = 256, 1024, 256
GRAIN = 1.2
"""Standard deviation of the noise, in gray values; with it a file has 0.4 MB."""


def files() -> list[Path]:
    """PNG files of 1024×1024 pixels, 8 bits, gray; drawn if they are not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    paths = [FOLDER / f"{number:03d}.png" for number in range(COUNT)]
    for number, path in enumerate(paths):
        if not path.exists():
            partial = path.with_suffix(".partial")
            Image.fromarray(_draw(np.random.default_rng(number))).save(partial, "png")
            partial.replace(path)
    return paths


def small() -> list[NDArray[np.uint8]]:
    """The same images, (y, x) of 256×256, as they lie in a cache."""
    return [np.asarray(Image.open(path).reduce(EDGE // SMALL)) for path in files()]


def _draw(rng: np.random.Generator) -> NDArray[np.uint8]:
    y, x = np.mgrid[-1 : 1 : EDGE * 1j, -1 : 1 : EDGE * 1j]
    image = 190 - 60 * x**2 - 30 * y**2
    for side in (-1, 1):
        lung = ((x - 0.4 * side) / 0.3) ** 2 + ((y + 0.05) / rng.uniform(0.6, 0.7)) ** 2
        image -= rng.uniform(90, 120) / (1 + np.exp(12 * (lung - 1)))
    for rib in np.arange(-0.7, 0.6, 0.15):
        image += 14 * np.exp(-(((y - rib - 0.25 * x**2) / 0.025) ** 2))
    coarse = ndimage.zoom(rng.normal(0, 12, (48, 48)), EDGE / 48, order=3)
    image += coarse + rng.normal(0, GRAIN, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
