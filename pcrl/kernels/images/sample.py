"""All views of a sample of an image, cut, turned and corrupted in one call without the GIL.

A sample takes less than a millisecond: called view by view from Python, threads would wait for the GIL as long as they
work.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.clock import cycles
from pcrl.kernels.compile import kernel
from pcrl.kernels.images.cut import Room, cut_view
from pcrl.kernels.images.draw import ANGLE, BRIGHTNESS, CONTRAST, CONTRAST_FIRST, FLIP, SIGMA, ViewPlan
from pcrl.kernels.images.jitter import jitter
from pcrl.kernels.pixels.blur import blur


class SampleViews(NamedTuple):
    """Where the views of a sample go.

    Args:
        globals: (globals, batch, 1, y, x) float32; target: (batch, 1, y, x); locals: (locals, batch, 1, y, x).
        position: of the sample in the batch.
    """

    globals: NDArray[np.float32]
    target: NDArray[np.float32]
    locals: NDArray[np.float32]
    position: int


@kernel
def render_views(
    image: NDArray[Any],
    scale: float,
    plan: ViewPlan,
    to: SampleViews,
    room: Room,
    ticks: NDArray[np.int64],
) -> None:
    """Write all views of a sample into its place in a batch, and the target of the first.

    Args:
        image: (y, x), integers or float32; boxes lie at its top left.
        scale: what a pixel is multiplied by to lie in [0, 1].
        ticks: (2,) time spent on cutting and turning, on corrupting; added to.
    """
    numbers, position = plan.numbers, to.position
    for view in range(len(plan.boxes)):
        begun = cycles()
        is_local = view - len(to.globals)
        output = to.globals[view, position, 0] if is_local < 0 else to.locals[is_local, position, 0]
        cut_view(
            image, plan.boxes[view], numbers[view, ANGLE], numbers[view, FLIP] > 0, scale, room, output
        )  # fmt: skip
        if view == 0:
            to.target[position, 0] = output
        cut = cycles()
        sigma = numbers[view, SIGMA]
        if sigma > 0:
            plane = output.reshape(1, output.shape[0], output.shape[1])
            blur(plane, 0.0, sigma, sigma, room.work, room.row, room.gauss)
        jitter(
            output.reshape(-1), numbers[view, BRIGHTNESS], numbers[view, CONTRAST],
            numbers[view, CONTRAST_FIRST] > 0, room.lanes,
        )  # fmt: skip
        ticks[0] += cut - begun
        ticks[1] += cycles() - cut
