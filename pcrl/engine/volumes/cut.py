"""From a region of voxels to views of it, in buffers that a thread owns: cut and turned here, then corrupted."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Corruption, VolumeRecipe
from pcrl.engine.batch import SampleSlot, StageTimes
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.volumes.corrupt import CorruptionBuffers, corrupt
from pcrl.engine.volumes.views import View, ViewPlan
from pcrl.kernels.pixels.resample import GROUP, box_taps, resample_box
from pcrl.kernels.volumes.warp import gather

Voxels = NDArray[np.int16] | NDArray[np.float32]


class Workspace:
    """Buffers of one thread, allocated once for the largest view that a recipe can ask for.

    Args:
        spent: what the sample that is being made has taken so far.
    """

    def __init__(self, recipe: VolumeRecipe) -> None:
        self.spent = StageTimes()
        views = recipe.views
        boxes = np.array([*views.global_boxes, *views.local_boxes])
        # Two boxes that overlap at all span less than both together.
        largest = boxes.max(axis=0)
        self.region = np.empty(int((2 * largest).prod()), np.int16)
        self.plane = np.empty(int(largest[1] * largest[2]), np.float32)
        # A row of a box, and the taps beyond its end: of the strongest reduction about twice as many as it has voxels.
        self.row = np.empty(3 * int(largest.max()) + 2 * GROUP, np.float32)
        shapes = np.array([views.global_shape, views.local_shape])
        smaller = np.minimum(boxes[:, None], shapes).prod(axis=-1).max()
        self.grid = np.empty(int(smaller), np.float32)
        self.scratch = Scratch()
        voxels, edge = int(shapes.prod(axis=-1).max()), int(shapes.max())
        self.corruption = CorruptionBuffers(voxels, edge, recipe.corruption.swap_block)

    def region_of(self, size: tuple[int, int, int]) -> NDArray[np.int16]:
        """An uninitialised (z, y, x) buffer."""
        count = size[0] * size[1] * size[2]
        return self.region[:count].reshape(size)


def render_views(
    plan: ViewPlan,
    region: Voxels,
    scale: float,
    offset: float,
    corruption: Corruption,
    workspace: Workspace,
    to: SampleSlot,
) -> None:
    """Write all views of a sample into its place in a batch, and the target of the first.

    Args:
        region: (z, y, x), what `plan.region` says.
        scale, offset: `scale · voxel + offset` lies in [0, 1].
    """
    for number, (view, output) in enumerate(zip(plan.views, to.views, strict=True)):
        begun = time.perf_counter()
        cut(view, region, plan.region.start, scale, offset, workspace, output)
        if number == 0:
            to.target[to.position, 0] = output
        gathered = time.perf_counter()
        corrupt(view.corruption, corruption, workspace.corruption, output)
        workspace.spent.gather += gathered - begun
        workspace.spent.corrupt += time.perf_counter() - gathered


def cut(
    view: View,
    region: Voxels,
    origin: tuple[int, int, int],
    scale: float,
    offset: float,
    workspace: Workspace,
    output: NDArray[np.float32],
) -> None:
    """Crop, resize, flip and turn one view of a region that starts at `origin`; values to [0, 1]."""
    box, shape = view.box.size, view.shape
    # Axes on which the box is smaller than the view keep their voxels; the gather enlarges them.
    size = (min(box[0], shape[0]), min(box[1], shape[1]), min(box[2], shape[2]))
    grid = workspace.grid[: size[0] * size[1] * size[2]].reshape(size)
    z, y, x = (a - o for a, o in zip(view.box.start, origin, strict=True))
    resample_box(
        region, (z, y, x), box,
        *box_taps(box, size), workspace.plane, workspace.row, grid,
    )  # fmt: skip
    gather(grid, output, view.matrix, view.flip, scale, offset)
