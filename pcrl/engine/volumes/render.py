"""Samples of volumes: drawn, their region read once, rendered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.config import TissueRule, VolumeRecipe
from pcrl.engine.batch import SampleSlot, StageTimes
from pcrl.engine.cache.chunks.boxes import BoxReader
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.volumes.cut import Workspace, render_views
from pcrl.engine.volumes.tissue import Tissue
from pcrl.engine.volumes.views import ViewPlan, plan_views
from pcrl.kernels.chunks.decode import MISSING

SPARE_CASES = 16
"""Cases kept open beyond the window of the order; each takes about 1.5 MB for a CT at 1 mm."""


class OpenCase:
    """What drawing and reading a case needs: its record, its tissue, and its file."""

    def __init__(self, case: CachedCase) -> None:
        record = case.record
        self.shape = record.grid.shape
        self.intensities = record.intensities
        self.tissues = [Tissue(channel, self.shape) for channel in case.occupancy]
        self.boxes = BoxReader(case.voxels.table)

    def read(self, plan: ViewPlan, destination: NDArray[np.int16], scratch: Scratch) -> None:
        """Fill `destination` with the region of a plan, where views lie; what is beyond the volume is air."""
        channel, box = plan.channel, plan.region
        self.boxes.file.check()
        if any(a < 0 or b > n for a, b, n in zip(box.start, box.stop, self.shape, strict=True)):
            destination.fill(self.intensities[channel].air)
        needed = np.array([(view.box.start, view.box.stop) for view in plan.views])
        self.boxes.read(channel, box.start, destination, scratch, needed)


class VolumeRenderer:
    """Renders samples of a list of volumes; see `pcrl.engine.batch.Renderer`. A group is a case.

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
        """See `pcrl.engine.batch.Renderer`."""
        return (self.recipe.training.samples_per_case,) * len(self.cases)

    @property
    def files(self) -> list[Path]:
        """See `pcrl.engine.batch.Renderer`."""
        return [case.voxels.table.file for case in self.cases]

    def workspace(self) -> Workspace:
        """Buffers for a thread."""
        return Workspace(self.recipe)

    def name_of(self, sample: int) -> str:
        """See `pcrl.engine.batch.Renderer`."""
        case = self.cases[sample // self.recipe.training.samples_per_case]
        return f"{case.dataset}/{case.name}"

    def read_ahead(self, group: int, block: bytearray | None) -> None:
        """See `pcrl.engine.batch.Renderer`."""
        opened = self.case(group)
        if block is not None:
            opened.boxes.file.read_ahead(block)

    def plan(self, key: int, index: int) -> ViewPlan:
        """Draw a sample of the case with this number."""
        opened, recipe = self.case(index), self.recipe
        return plan_views(
            key, opened.shape, opened.tissues, self.rules[index], recipe.views, recipe.corruption
        )

    def make(self, key: int, sample: int, workspace: Workspace, to: SampleSlot) -> tuple[bool, StageTimes]:
        """Draw, read and render one sample; see `pcrl.engine.batch.Renderer`."""
        index = sample // self.recipe.training.samples_per_case
        workspace.spent = spent = StageTimes()
        begun = time.perf_counter()
        plan = self.plan(key, index)
        planned = time.perf_counter()
        region = workspace.region_of(plan.region.size)
        self.case(index).read(plan, region, workspace.scratch)
        read = time.perf_counter() - planned
        spent.plan, spent.decode = planned - begun, read * workspace.scratch.share_of_decoding()
        spent.read = read - spent.decode
        intensity = self.case(index).intensities[plan.channel]
        corruption = self.recipe.corruption
        render_views(plan, region, intensity.scale, intensity.offset, corruption, workspace, to)
        return plan.fallback, spent

    def read_cost(self, key: int, sample: int) -> tuple[int, int]:
        """See `pcrl.engine.batch.Renderer`."""
        index = sample // self.recipe.training.samples_per_case
        plan, table = self.plan(key, index), self.case(index).boxes.table
        touched = np.zeros(table.offsets.shape[1:], bool)
        for view in plan.views:
            spans = zip(view.box.start, view.box.stop, table.chunk[1:], strict=True)
            touched[tuple(slice(max(0, a) // c, max(0, -(-b // c))) for a, b, c in spans)] = True
        touched &= table.offsets[plan.channel] != MISSING
        return int(touched.sum()), int(table.sizes[plan.channel][touched].sum())
