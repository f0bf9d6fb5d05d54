"""From a plan to pixels: read the region once, cut, turn and corrupt every view of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.config import TissueRule, VolumeRecipe
from pcrl.engine.cache.chunks.boxes import BoxReader
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.loading.batch import SampleSlot, Spent
from pcrl.engine.volumes.tissue import Tissue
from pcrl.engine.volumes.views import View, ViewPlan, plan_views
from pcrl.kernels.chunks.decode import MISSING
from pcrl.kernels.pixels.blur import MAXIMUM_RADIUS, blur
from pcrl.kernels.pixels.gamma import apply_gamma
from pcrl.kernels.pixels.noise import add_noise
from pcrl.kernels.pixels.normalize import LANES, normalize
from pcrl.kernels.pixels.resample import box_taps, resample_box
from pcrl.kernels.volumes.swap import swap_blocks
from pcrl.kernels.volumes.warp import gather

SPARE_CASES = 16
"""Cases kept open beyond the window of the order; each takes about 1.5 MB for a CT at 1 mm."""


class Workspace:
    """Buffers of one thread, allocated once for the largest view that a recipe can ask for.

    Args:
        spent: what the sample that is being made has taken so far.
    """

    def __init__(self, recipe: VolumeRecipe) -> None:
        self.spent = Spent()
        views = recipe.views
        boxes = np.array([*views.global_boxes, *views.local_boxes])
        # Two boxes that overlap at all span less than both together.
        largest = boxes.max(axis=0)
        self.region = np.empty(int((2 * largest).prod()), np.int16)
        self.plane = np.empty(int(largest[1] * largest[2]), np.float32)
        self.row = np.empty(int(largest.max()) + 2 * MAXIMUM_RADIUS, np.float32)
        shapes = np.array([views.global_shape, views.local_shape])
        smaller = np.minimum(boxes[:, None], shapes).prod(axis=-1).max()
        self.grid = np.empty(int(smaller), np.float32)
        self.work = np.empty(int(shapes.prod(axis=-1).max()), np.float32)
        self.weights = np.empty(MAXIMUM_RADIUS + 1, np.float32)
        self.scratch = Scratch()
        self.blocks = np.empty((2, *recipe.corruption.swap_block), np.float32)
        self.lanes = np.empty(LANES, np.float64)

    def region_of(self, size: tuple[int, int, int]) -> NDArray[np.int16]:
        """An uninitialised (z, y, x) buffer."""
        count = size[0] * size[1] * size[2]
        return self.region[:count].reshape(size)


class OpenCase:
    """What drawing and reading a case needs: its record, what tissue is where, and the map of its file."""

    def __init__(self, case: CachedCase) -> None:
        record = case.record
        self.shape = record.grid.shape
        self.intensities = record.intensities
        self.tissues = [Tissue(channel, self.shape) for channel in case.occupancy]
        self.boxes = BoxReader(case.store.image_table(case.folder))

    def read(self, plan: ViewPlan, destination: NDArray[np.int16], scratch: Scratch) -> None:
        """Fill `destination` with the region of a plan, where views lie; what is beyond the volume is air."""
        channel, box = plan.channel, plan.region
        if any(a < 0 or b > n for a, b, n in zip(box.start, box.stop, self.shape, strict=True)):
            destination.fill(self.intensities[channel].air)
        wanted = np.array([(view.box.start, view.box.stop) for view in plan.views])
        self.boxes.read(channel, box.start, destination, scratch, wanted)


class VolumeRenderer:
    """Renders samples of a list of volumes; see `pcrl.engine.loading.batch.Renderer`. A group is a case.

    Args:
        rules: the tissue rule of each case.
    """

    def __init__(
        self, cases: Sequence[CachedCase], rules: Sequence[TissueRule], recipe: VolumeRecipe
    ) -> None:
        self.cases, self.rules, self.recipe = cases, rules, recipe
        self.case = lru_cache(recipe.training.window + SPARE_CASES)(lambda index: OpenCase(cases[index]))

    @property
    def groups(self) -> tuple[int, ...]:
        """See `pcrl.engine.loading.batch.Renderer`."""
        return (self.recipe.training.samples_per_case,) * len(self.cases)

    @property
    def files(self) -> list[Path]:
        """See `pcrl.engine.loading.batch.Renderer`."""
        return [case.store.image_table(case.folder).file for case in self.cases]

    def workspace(self) -> Workspace:
        """Buffers for a thread."""
        return Workspace(self.recipe)

    def name_of(self, sample: int) -> str:
        """See `pcrl.engine.loading.batch.Renderer`."""
        case = self.cases[sample // self.recipe.training.samples_per_case]
        return f"{case.dataset}/{case.name}"

    def read_ahead(self, group: int, block: bytearray | None) -> None:
        """See `pcrl.engine.loading.batch.Renderer`."""
        opened = self.case(group)
        if block is not None:
            opened.boxes.file.read_ahead(block)

    def plan(self, key: int, index: int) -> ViewPlan:
        """Draw a sample of the case with this number."""
        opened, recipe = self.case(index), self.recipe
        return plan_views(
            key, opened.shape, opened.tissues, self.rules[index], recipe.views, recipe.corruption
        )

    def make(self, key: int, sample: int, workspace: Workspace, to: SampleSlot) -> tuple[bool, Spent]:
        """Draw, read and render one sample; see `pcrl.engine.loading.batch.Renderer`."""
        index = sample // self.recipe.training.samples_per_case
        workspace.spent = spent = Spent()
        begun = time.perf_counter()
        plan = self.plan(key, index)
        planned = time.perf_counter()
        region = workspace.region_of(plan.region.size)
        self.case(index).read(plan, region, workspace.scratch)
        read = time.perf_counter() - planned
        spent.plan, spent.decode = planned - begun, read * workspace.scratch.share_of_decoding()
        spent.read = read - spent.decode
        self._render(index, plan, region, workspace, to)
        return plan.fallback, spent

    def read_cost(self, key: int, sample: int) -> tuple[int, int]:
        """See `pcrl.engine.loading.batch.Renderer`."""
        index = sample // self.recipe.training.samples_per_case
        plan, table = self.plan(key, index), self.case(index).boxes.table
        touched = np.zeros(table.offsets.shape[1:], bool)
        for view in plan.views:
            spans = zip(view.box.start, view.box.stop, table.chunk[1:], strict=True)
            touched[tuple(slice(max(0, a) // c, max(0, -(-b // c))) for a, b, c in spans)] = True
        touched &= table.offsets[plan.channel] != MISSING
        return int(touched.sum()), int(table.sizes[plan.channel][touched].sum())

    def _render(
        self, index: int, plan: ViewPlan, region: NDArray[np.int16], workspace: Workspace, to: SampleSlot
    ) -> None:
        intensity = self.case(index).intensities[plan.channel]
        for number, (view, output) in enumerate(zip(plan.views, to.views, strict=True)):
            begun = time.perf_counter()
            cut(view, region, plan.region.start, intensity.scale, intensity.offset, workspace, output)
            if number == 0:
                to.target[to.position, 0] = output
            gathered = time.perf_counter()
            self._corrupt(view, workspace, output)
            workspace.spent.gather += gathered - begun
            workspace.spent.corrupt += time.perf_counter() - gathered

    def _corrupt(self, view: View, workspace: Workspace, image: NDArray[np.float32]) -> None:
        corruption, flat = self.recipe.corruption, image.reshape(-1)
        blur(image, *view.blur, workspace.work, workspace.row, workspace.weights)
        add_noise(flat, view.noise, view.noise_key)
        apply_gamma(flat, view.gamma)
        if view.swap_key is not None:
            swap_blocks(image, corruption.swaps, *corruption.swap_block, view.swap_key, workspace.blocks)
        normalize(flat, workspace.lanes)


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
    resample_box(
        region, (z, y, x), box,
        *box_taps(box, size), workspace.plane, workspace.row, grid,
    )  # fmt: skip
    gather(grid, output, view.matrix, view.flip, scale, offset)
