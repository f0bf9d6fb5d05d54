"""How much tissue a box holds, without reading it: sums over the occupancy volume of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Size, TissueRule, Views
from pcrl.engine.volumes.prepare import CELL
from pcrl.kernels.volumes.occupancy import box_mean, summed

if TYPE_CHECKING:
    from pcrl.engine.geometry.box import Box


class Tissue:
    """Foreground and dense tissue in one channel of a case.

    Args:
        occupancy: (2, cells…) float32: shares of foreground and of dense tissue.
        shape: the volume in voxels.
    """

    def __init__(self, occupancy: NDArray[np.float32], shape: Size) -> None:
        self.shape = shape
        self._foreground = summed(occupancy[0], shape, CELL)
        self._dense = summed(occupancy[1], shape, CELL)

    def foreground(self, box: Box) -> float:
        """Share of a box that is above air."""
        return box_mean(self._foreground, self.shape, CELL, box.start, box.stop)

    def dense(self, box: Box) -> float:
        """Share of a box that is dense tissue, as the lung rule counts it."""
        return box_mean(self._dense, self.shape, CELL, box.start, box.stop)

    def lacking(self, box: Box, size: int, rule: TissueRule, views: Views) -> float:
        """By how much a box misses its rule; 0 if it keeps it. `size` is its number in `views.global_boxes`."""
        if rule == "lung":
            return max(0.0, self.dense(box) - views.lung_limits[size])
        return max(0.0, views.foreground_share - self.foreground(box))
