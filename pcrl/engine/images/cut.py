"""Buffers in which views of images are made, and single views for those who need no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageSize
from pcrl.engine.images.views import ImageBox
from pcrl.kernels.images.cut import WEIGHTS, Room, cut_view
from pcrl.kernels.pixels.blur import MAXIMUM_RADIUS
from pcrl.kernels.pixels.normalize import LANES
from pcrl.kernels.pixels.resample import GROUP


def room_for(shapes: Sequence[ImageSize], edge: int) -> Room:
    """Buffers of one thread.

    Args:
        shapes: of the views that are asked for.
        edge: longest side of an image.
    """
    longest = max(edge, *(side for shape in shapes for side in shape))
    pixels = max(height * width for height, width in shapes)
    return Room(
        first=np.empty((3, longest), np.int64),
        weights=np.ones((2, WEIGHTS * longest), np.float32),
        plane=np.empty(longest, np.float32),
        row=np.empty(2 * longest + GROUP + 2 * MAXIMUM_RADIUS, np.float32),
        grid=np.empty(pixels, np.float32),
        work=np.empty(pixels, np.float32),
        gauss=np.empty(MAXIMUM_RADIUS + 1, np.float32),
        lanes=np.empty(LANES, np.float64),
    )


class ImageWorkspace:
    """Buffers of one thread, allocated once; arguments as those of `room_for`."""

    def __init__(self, shapes: Sequence[ImageSize], edge: int) -> None:
        self.room = room_for(shapes, edge)
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
        image: (y, x) uint8, uint16 or float32, contiguous.
        angle: counter-clockwise, radians; the flip comes after it; what is beyond the crop is black.
        output: (y, x) float32, contiguous, overwritten with `scale · value`.
    """
    workspace.box[:] = box
    cut_view(image, workspace.box, angle, flip, scale, workspace.room, output)
