"""The order of samples: a seeded shuffle of every epoch, cut into batches, shared out over ranks.

Samples come in groups, one for each file of the cache: a volume, or a shard of images. Groups come in a seeded order;
the samples of one are strewn over a window of the groups after it. At any moment samples are drawn from about as many
groups as the window has, so that only these need to be open and near at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Training
from pcrl.kernels.streams import stream, uniforms

ORDER = 1 << 32
"""Word that sets the stream of the order apart from those of the samples."""
SAMPLES, GROUPS = 0, 1


@dataclass(frozen=True)
class Order:
    """Which sample is where.

    Args:
        groups: samples drawn of each group in an epoch; numbered group by group.
        batch_size: samples of a step, over all ranks.
        window: groups open at a time; 0, or more than there are, shuffles all samples of the epoch.
        rank, world: which share of every batch is rendered here.
    """

    groups: tuple[int, ...]
    batch_size: int
    seed: int
    window: int = 0
    rank: int = 0
    world: int = 1

    @classmethod
    def of(cls, groups: tuple[int, ...], training: Training) -> Order:
        """The order that the settings of a training give to these groups."""
        return cls(groups, training.batch_size, training.seed, training.window)

    # Kept: the loader asks for every sample, and a cache may have many thousand groups.
    @cached_property
    def steps(self) -> int:
        """Steps an epoch; samples that do not fill a batch are left for another epoch's permutation."""
        return sum(self.groups) // self.batch_size

    @property
    def local_batch(self) -> int:
        """Samples of a step that this rank renders."""
        return self.batch_size // self.world

    def groups_of(self, samples: NDArray[np.int64]) -> list[int]:
        """The groups that samples belong to, each once."""
        groups = np.searchsorted(self._ends, samples, side="right")
        return sorted(set(groups.tolist()))

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """The number after the last sample of each group."""
        return np.cumsum(self.groups, dtype=np.int64)

    def epoch(self, epoch: int) -> NDArray[np.int64]:
        """The numbers of this rank's samples, (steps, local_batch)."""
        key = stream(stream(self.seed, ORDER), epoch)
        places = uniforms(stream(key, SAMPLES), sum(self.groups))
        if 0 < self.window < len(self.groups):
            rank = np.argsort(np.argsort(uniforms(stream(key, GROUPS), len(self.groups)), kind="stable"))
            places = np.repeat(rank, self.groups) + self.window * places
        order = np.argsort(places, kind="stable")[: self.steps * self.batch_size]
        of_rank = slice(self.rank * self.local_batch, (self.rank + 1) * self.local_batch)
        return np.ascontiguousarray(order.reshape(self.steps, self.batch_size)[:, of_rank])
