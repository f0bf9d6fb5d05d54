"""All randomness of a sample, and none of its pixels: which boxes, how they are turned, how they are corrupted.

A plan is a pure function of (seed, epoch, sample, settings, case): no generator is carried along, so any sample can
be drawn again, in any order, on any machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Corruption, Size, TissueRule, Views
from pcrl.engine.geometry.box import Box
from pcrl.engine.volumes.corrupt import DrawnCorruption, draw_corruption
from pcrl.engine.volumes.tissue import Tissue
from pcrl.kernels.streams import Draws, stream
from pcrl.kernels.volumes.boxes import draw_overlapping
from pcrl.kernels.volumes.warp import affine_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNEL, GLOBALS, VIEW = range(3)
"""What is drawn: each from a stream of its own, so that a change to one leaves the others as they were."""


@dataclass(frozen=True, slots=True)
class View:
    """One view: what is cut, how it is turned (the target is taken then), how it is corrupted.

    Args:
        matrix: 3×3, output offsets from the view's centre → offsets in the resized crop, (z, y, x).
    """

    box: Box
    shape: Size
    flip: bool
    matrix: NDArray[np.float64]
    corruption: DrawnCorruption


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """Everything needed to render one sample: two global views first, then the local ones.

    Args:
        region: holds every box; what has to be read.
        fallback: no pair of boxes met all rules within the allowed draws; this is the best of them.
    """

    channel: int
    views: tuple[View, ...]
    region: Box
    fallback: bool


def plan_views(
    key: int,
    volume: Size,
    tissues: Sequence[Tissue],
    rule: TissueRule,
    views: Views,
    corruption: Corruption,
) -> ViewPlan:
    """Draw one sample of a case.

    Args:
        key: from `sample_key`.
        volume: shape of the case in the cache.
        tissues: what is where, for each channel of the case.
    """
    channel = Draws(stream(key, CHANNEL)).integer(0, len(tissues) - 1)
    first, second, fallback = _global_pair(stream(key, GLOBALS), volume, tissues[channel], rule, views)
    region = first.union(second)
    drawn = []
    for number in range(2 + views.locals):
        draws = Draws(stream(stream(key, VIEW), number))
        if number < 2:
            box, shape = (first, second)[number], views.global_shape
        else:
            box, shape = _local_box(draws, region, views), views.local_shape
        drawn.append(_view(stream(key, 100 + number), draws, box, shape, number < 2, views, corruption))
    return ViewPlan(channel, tuple(drawn), region, fallback)


def _view(
    key: int, draws: Draws, box: Box, shape: Size, is_global: bool, views: Views, corruption: Corruption
) -> View:
    flip = draws.uniform() < views.flip_probability
    scale_z, scale_y, scale_x = (draws.uniform(*views.scale) for _ in range(3))
    angle_z, angle_y, angle_x = (math.radians(draws.uniform(-views.angle, views.angle)) for _ in range(3))
    return View(
        box=box,
        shape=shape,
        flip=flip,
        matrix=affine_matrix((scale_z, scale_y, scale_x), (angle_z, angle_y, angle_x)),
        corruption=draw_corruption(key, corruption, is_global),
    )


def _global_pair(
    key: int, volume: Size, tissue: Tissue, rule: TissueRule, views: Views
) -> tuple[Box, Box, bool]:
    """Two overlapping boxes with tissue in them; the best of the allowed draws if none has it all."""
    pairs, sizes, ranges = _places(volume, views)
    drawn = np.empty((2, 4), np.int64)
    best: tuple[float, Box, Box] | None = None
    for attempt in range(views.draws):
        overlap = draw_overlapping(stream(key, attempt), pairs, sizes, ranges, views.minimum_iou, drawn)
        boxes = []
        lacking = max(0.0, views.minimum_iou - overlap)
        for number, z, y, x in drawn.tolist():
            box = Box((z, y, x), views.global_boxes[number])
            lacking += tissue.lacking(box, number, rule, views)
            boxes.append(box)
        if best is None or lacking < best[0]:
            best = (lacking, boxes[0], boxes[1])
        if lacking == 0:
            break
    assert best is not None
    return best[1], best[2], best[0] > 0


@lru_cache
def _places(volume: Size, views: Views) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What `draw_overlapping` has to know of a volume: pairs of sizes, edges, and where each may start."""
    ranges = [
        [_range(*axis) for axis in zip(volume, size, views.margin, strict=True)]
        for size in views.global_boxes
    ]
    return np.array(possible_pairs(volume, views)), np.array(views.global_boxes), np.array(ranges)


def possible_pairs(volume: Size, views: Views) -> list[tuple[int, int]]:
    """Pairs of box sizes that can overlap enough, wherever they are put in this volume.

    The published code draws until a pair overlaps enough, which for some pairs of sizes never happens.
    """
    pairs = []
    for a, first in enumerate(views.global_boxes):
        for b, second in enumerate(views.global_boxes):
            common = 1
            for n, margin, u, v in zip(volume, views.margin, first, second, strict=True):
                low_u, high_u = _range(n, u, margin)
                low_v, high_v = _range(n, v, margin)
                # Nested, the smaller box starts within |u − v| of the larger; how far is that out of reach?
                nested = (min(0, u - v), max(0, u - v))
                gap = max(low_v - high_u - nested[1], nested[0] - (high_v - low_u), 0)
                common *= max(0, min(u, v) - gap)
            if common / (math.prod(first) + math.prod(second) - common) > views.minimum_iou:
                pairs.append((a, b))
    # In a volume so small that no pair can overlap enough, a box with itself comes closest.
    return pairs or [(a, a) for a in range(len(views.global_boxes))]


def _range(n: int, edge: int, margin: int) -> tuple[int, int]:
    """Lowest and highest start of a box on an axis: margins are upper limits, padding comes after they are used up."""
    if edge > n:
        return n - edge, 0
    margin = min(margin, (n - edge) // 2)
    return margin, n - edge - margin


def _local_box(draws: Draws, region: Box, views: Views) -> Box:
    """A local box that lies within the union of the globals (the paper; the published code only starts in it)."""
    size = views.local_boxes[draws.integer(0, len(views.local_boxes) - 1)]
    fits = tuple(min(e, n) for e, n in zip(size, region.size, strict=True))
    z, y, x = (draws.integer(a, a + n - e) for a, n, e in zip(region.start, region.size, fits, strict=True))
    return Box((z, y, x), (fits[0], fits[1], fits[2]))
