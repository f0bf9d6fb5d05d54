"""Buffers in which views of images are made, and single views for those who need no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageSize
from pcrl.engine.images.views import ImageBox
from pcrl.kernels.images.sample import WEIGHTS, cut_view
from pcrl.kernels.pixels.blur import MAXIMUM_RADIUS
from pcrl.kernels.pixels.normalize import LANES
from pcrl.kernels.pixels.resample import GROUP


class ImageWorkspace:
    """Buffers of one thread, allocated once.

    Args:
        shapes: of the views that are asked for.
        edge: longest side of an image in the cache.
    """

    def __init__(self, shapes: Sequence[ImageSize], edge: int) -> None:
        longest = max(edge, *(side for shape in shapes for side in shape))
        pixels = max(height * width for height, width in shapes)
        self.first = np.empty((3, longest), np.int64)
        self.weights = np.ones((2, WEIGHTS * longest), np.float32)
        self.plane = np.empty(longest, np.float32)
        self.row = np.empty(2 * longest + GROUP + 2 * MAXIMUM_RADIUS, np.float32)
        self.grid = np.empty(pixels, np.float32)
        self.work = np.empty(pixels, np.float32)
        self.gauss = np.empty(MAXIMUM_RADIUS + 1, np.float32)
        self.lanes = np.empty(LANES, np.float64)
        self.box = np.empty(4, np.int64)


def cut_image(
    image: NDArray[Any],
    box: ImageBox,
    angle: float,
    flip: bool,
    scale: float,
    workspace: ImageWorkspace,
    output: NDArray[np.float32],
) -> None:
    """Crop, resize (anti-aliased), rotate and flip one view of an image.

    Args:
        image: (y, x) uint8 or uint16, contiguous.
        angle: counter-clockwise, radians; the flip comes after it; what is beyond the crop is black.
        output: (y, x) float32, contiguous, overwritten with `scale · value`.
    """
    workspace.box[:] = box
    cut_view(
        image, workspace.box, angle, flip, scale, workspace.first, workspace.weights, workspace.plane,
        workspace.row, workspace.grid, output,
    )  # fmt: skip
