"""From a plan to pixels: read the region once, cut, turn and corrupt every view of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Recipe
from pcrl.engine.cache.cache import CachedCase
from pcrl.engine.tissue import Tissue
from pcrl.engine.views import Box, View, ViewPlan
from pcrl.kernels.blur import MAXIMUM_RADIUS, blur
from pcrl.kernels.gamma import apply_gamma
from pcrl.kernels.noise import add_noise
from pcrl.kernels.normalize import LANES, normalize
from pcrl.kernels.swap import swap_blocks
from pcrl.kernels.warp import gather, reduce_box, reduction


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample's pixels go: one (z, y, x) float32 array a view, and the target of the first."""

    views: Sequence[NDArray[np.float32]]
    target: NDArray[np.float32]


class Workspace:
    """Buffers of one thread, allocated once for the largest view that a recipe can ask for."""

    def __init__(self, recipe: Recipe) -> None:
        views = recipe.views
        boxes = np.array([*views.global_boxes, *views.local_boxes])
        # Two boxes that overlap at all span less than both together.
        self.region = np.empty(0, np.int16)
        largest = boxes.max(axis=0)
        self.plane = np.empty(int(largest[1] * largest[2]), np.float32)
        self.row = np.empty(int(largest.max()) + 2 * MAXIMUM_RADIUS, np.float32)
        shapes = np.array([views.global_shape, views.local_shape])
        smaller = np.minimum(boxes[:, None], shapes).prod(axis=-1).max()
        self.grid = np.empty(int(smaller), np.float32)
        self.work = np.empty(int(shapes.prod(axis=-1).max()), np.float32)
        self.weights = np.empty(MAXIMUM_RADIUS + 1, np.float32)
        self.blocks = np.empty((2, *recipe.corruption.swap_block), np.float32)
        self.lanes = np.empty(LANES, np.float64)

    def region_of(self, size: tuple[int, int, int]) -> NDArray[np.int16]:
        """An uninitialised (z, y, x) buffer; grows to the largest region seen."""
        count = size[0] * size[1] * size[2]
        if self.region.size < count:
            self.region = np.empty(count, np.int16)
        return self.region[:count].reshape(size)


class Renderer:
    """Renders samples of a list of cases; one for all threads, with a `Workspace` for each."""

    def __init__(self, cases: Sequence[CachedCase], recipe: Recipe) -> None:
        self.cases, self.recipe = cases, recipe
        self._tissues: dict[int, list[Tissue]] = {}

    def workspace(self) -> Workspace:
        """Buffers for a thread."""
        return Workspace(self.recipe)

    def tissues(self, index: int) -> list[Tissue]:
        """What is where in each channel of a case; read when first asked for."""
        if index not in self._tissues:
            case = self.cases[index]
            shape = case.record.grid.shape
            self._tissues[index] = [Tissue(channel, shape) for channel in case.occupancy]
        return self._tissues[index]

    def read(self, index: int, plan: ViewPlan, workspace: Workspace) -> NDArray[np.int16]:
        """The region of a plan, (z, y, x) int16, with air where it reaches beyond the volume."""
        case = self.cases[index]
        region = workspace.region_of(plan.region.size)
        read_region(case, plan.channel, plan.region, region)
        return region

    def render(
        self, index: int, plan: ViewPlan, region: NDArray[np.int16], workspace: Workspace, to: Place
    ) -> None:
        """Write every view of a plan to its place."""
        intensity = self.cases[index].record.intensities[plan.channel]
        for number, (view, output) in enumerate(zip(plan.views, to.views, strict=True)):
            cut(view, region, plan.region.start, intensity.scale, intensity.offset, workspace, output)
            if number == 0:
                to.target[...] = output
            self._corrupt(view, workspace, output)

    def _corrupt(self, view: View, workspace: Workspace, image: NDArray[np.float32]) -> None:
        corruption, flat = self.recipe.corruption, image.reshape(-1)
        blur(image, *view.blur, workspace.work, workspace.row, workspace.weights)
        add_noise(flat, view.noise, view.noise_key)
        apply_gamma(flat, view.gamma)
        if view.swap_key is not None:
            swap_blocks(image, corruption.swaps, *corruption.swap_block, view.swap_key, workspace.blocks)
        normalize(flat, workspace.lanes)


def read_region(case: CachedCase, channel: int, box: Box, destination: NDArray[np.int16]) -> None:
    """Fill `destination` with a box of a case; what lies beyond the volume is air."""
    shape = case.record.grid.shape
    inside = [(max(0, a), min(n, b)) for a, b, n in zip(box.start, box.stop, shape, strict=True)]
    if any(a > s or b < t for (a, b), s, t in zip(inside, box.start, box.stop, strict=True)):
        destination.fill(case.record.intensities[channel].air)
    z, y, x = (slice(a, b) for a, b in inside)
    target = tuple(slice(a - s, b - s) for (a, b), s in zip(inside, box.start, strict=True))
    destination[target] = case.image[channel, z, y, x]


def cut(
    view: View,
    region: NDArray[np.int16],
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
    (first_z, weights_z), (first_y, weights_y), (first_x, weights_x) = map(reduction, box, size)
    reduce_box(
        region, (z, y, x), box,
        first_z, weights_z, first_y, weights_y, first_x, weights_x,
        workspace.plane, workspace.row, grid,
    )  # fmt: skip
    gather(grid, output, view.matrix, view.flip, scale, offset)
