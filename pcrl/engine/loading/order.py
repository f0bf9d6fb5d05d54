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
Share = tuple[int, int, int, int]


class LoaderError(RuntimeError):
    """Batches that cannot be made; the message says why, and names the case where it is one."""


@dataclass(frozen=True)
class Order:
    """Which sample is where.

    Args:
        groups: samples drawn of each group in an epoch; numbered group by group.
        batch_size: samples of a step, over all ranks.
        window: groups open at a time; 0, or more than there are, shuffles all samples of the epoch.
        rank, world: which share of every batch is rendered here.
        local_rank, local_world: the same among the processes of this machine, which have their files in common.

    Raises:
        LoaderError: a batch cannot be shared out evenly.
    """

    groups: tuple[int, ...]
    batch_size: int
    seed: int
    window: int = 0
    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    def __post_init__(self) -> None:
        if self.batch_size % self.world:
            fitting = [n for n in range(self.world, self.batch_size + 1) if self.batch_size % n == 0]
            raise LoaderError(
                f"a batch of {self.batch_size} cannot be shared evenly by {self.world} ranks: set training.batch_size "
                f"to a multiple of {self.world}, or start {fitting[0]} ranks"
                if fitting
                else f"a batch of {self.batch_size} is too small for {self.world} ranks: set training.batch_size to a "
                f"multiple of {self.world}"
            )

    @classmethod
    def of(cls, groups: tuple[int, ...], training: Training, share: Share = (0, 1, 0, 1)) -> Order:
        """The order that the settings of a training give to these groups.

        Args:
            share: rank, world, local rank, local world.
        """
        return cls(groups, training.batch_size, training.seed, training.window, *share)

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
        return self.own(self.whole(epoch))

    def own(self, whole: NDArray[np.int64]) -> NDArray[np.int64]:
        """This rank's share of `whole`, (steps, local_batch)."""
        return np.ascontiguousarray(
            whole[:, self.rank * self.local_batch : (self.rank + 1) * self.local_batch]
        )

    def here(self, whole: NDArray[np.int64]) -> NDArray[np.int64]:
        """The share of all ranks of this machine, (steps, their batches)."""
        first = self.rank - self.local_rank
        end = first + self.local_world
        return np.ascontiguousarray(whole[:, first * self.local_batch : end * self.local_batch])

    def reads(self, group: int) -> bool:
        """Whether this rank is the one of its machine that reads a group's file ahead."""
        return group % self.local_world == self.local_rank

    def whole(self, epoch: int) -> NDArray[np.int64]:
        """The numbers of the samples of all ranks, (steps, batch)."""
        key = stream(stream(self.seed, ORDER), epoch)
        places = uniforms(stream(key, SAMPLES), sum(self.groups))
        if 0 < self.window < len(self.groups):
            rank = np.argsort(np.argsort(uniforms(stream(key, GROUPS), len(self.groups)), kind="stable"))
            places = np.repeat(rank, self.groups) + self.window * places
        order = np.argsort(places, kind="stable")[: self.steps * self.batch_size]
        return order.reshape(self.steps, self.batch_size)
