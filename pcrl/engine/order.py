"""The order of samples: a seeded permutation of every epoch, cut into batches, shared out over ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.views import stream
from pcrl.kernels.compile import kernel
from pcrl.kernels.random import derive

ORDER = 1 << 32
"""Word that sets the stream of the order apart from those of the samples."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which sample is where.

    Args:
        cases: number of cases.
        samples_per_case: samples drawn of each case in an epoch.
        batch_size: samples of a step, over all ranks.
        rank, world: which share of every batch is rendered here.
    """

    cases: int
    samples_per_case: int
    batch_size: int
    seed: int
    rank: int = 0
    world: int = 1

    @property
    def steps(self) -> int:
        """Steps an epoch; samples that do not fill a batch are left for another epoch's permutation."""
        return self.cases * self.samples_per_case // self.batch_size

    @property
    def local_batch(self) -> int:
        """Samples of a step that this rank renders."""
        return self.batch_size // self.world

    def epoch(self, epoch: int) -> NDArray[np.int64]:
        """The samples of this rank, (steps, local_batch); sample `s` is of case `s // samples_per_case`."""
        count = self.cases * self.samples_per_case
        keys = _keys(stream(stream(self.seed, ORDER), epoch), count)
        order = np.argsort(keys, kind="stable")[: self.steps * self.batch_size]
        mine = slice(self.rank * self.local_batch, (self.rank + 1) * self.local_batch)
        return np.ascontiguousarray(order.reshape(self.steps, self.batch_size)[:, mine])


@kernel(signature="uint64[:](uint64, int64)")
def _keys(key: int, count: int) -> NDArray[np.uint64]:
    keys = np.empty(count, np.uint64)
    for i in range(count):
        keys[i] = derive(key, i)
    return keys
