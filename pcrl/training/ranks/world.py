"""Who trains: one process alone, or several that `torchrun` has started, on one machine or on many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

from pcrl.models.device import device_named

PATIENCE = timedelta(minutes=10)
"""How long a rank waits for another. `torchrun` ends all as soon as one has died."""
_Made = TypeVar("_Made")


class RankError(RuntimeError):
    """Ranks that cannot train together; the message says why."""


@dataclass(frozen=True, slots=True)
class World:
    """All processes of a training, and which of them this is.

    Args:
        rank: number of this process, of `size`.
        local_rank: its number on this machine, of `local_size`.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes what there is once: folder, log, pictures, checkpoints."""
        return self.rank == 0

    def first_does(self, work: Callable[[], _Made]) -> _Made:
        """What the first rank makes of `work`, on all ranks.

        Raises:
            RankError: on the others, if it failed there. The first rank raises what `work` did.
        """
        if self.size == 1:
            return work()
        told: list[tuple[str | None, _Made | None]] = [(None, None)]
        failure: BaseException | None = None
        if self.is_first:
            try:
                told = [(None, work())]
            except BaseException as error:
                failure, told = error, [(str(error) or type(error).__name__, None)]
        with _companions(self.rank):
            distributed.broadcast_object_list(told, src=0)
        if failure is not None:
            raise failure
        words, made = told[0]
        if words is not None:
            raise RankError(f"the first rank could not go on: {words}")
        return made  # type: ignore[return-value]

    def gathered(self, value: _Made) -> list[_Made]:
        """A value of each rank, on all ranks.

        Raises:
            RankError: another rank has ended.
        """
        everybody: list[_Made] = [value] * self.size
        if self.size > 1:
            with _companions(self.rank):
                distributed.all_gather_object(everybody, value)
        return everybody

    def require_same(self, values: Mapping[str, str]) -> None:
        """Check that all ranks have come here, with the same.

        Args:
            values: what must be the same, such as the cache: in words, and a text that tells it from others.

        Raises:
            RankError: on all ranks, if some differ.
        """
        if self.size == 1:
            return
        everybody: list[Mapping[str, str]] = [{}] * self.size
        with _companions(self.rank):
            distributed.all_gather_object(everybody, dict(values))
        for what, value in everybody[0].items():
            others = [str(rank) for rank, theirs in enumerate(everybody) if theirs[what] != value]
            if others:
                raise RankError(
                    f"rank {', '.join(others)} and rank 0 have not the same {what}: give all machines the same "
                    "command, and the same files"
                )


ALONE = World()
"""A process that trains by itself."""


def add_up(value: torch.Tensor) -> None:
    """Replace a value by its sum over all ranks.

    Raises:
        RankError: another rank has ended.
    """
    with _companions(distributed.get_rank()):
        distributed.all_reduce(value)


def launched(environment: Mapping[str, str] = os.environ) -> World:
    """What `torchrun` says of this process; alone where nobody has started several.

    Raises:
        RankError: several were started, but not by `torchrun`; or what it says is no number.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    found = [environment[name] for name in names if name in environment]
    if len(found) < len(names):
        # Some schedulers set WORLD_SIZE for every job; that alone starts nobody.
        if "RANK" in environment and environment.get("WORLD_SIZE", "1") != "1":
            missing = ", ".join(name for name in names if name not in environment)
            raise RankError(
                f"the environment has RANK and WORLD_SIZE, but not {missing}: start several processes with torchrun "
                "--nproc-per-node … -m pcrl pretrain …, or set these too"
            )
        return ALONE
    try:
        return World(*(int(value) for value in found))
    except ValueError as error:
        raise RankError(
            f"{', '.join(names)} of the environment are {found}: expected whole numbers"
        ) from error


@contextmanager
def opened(device: str) -> Iterator[tuple[World, torch.device]]:
    """This process among all that train together, and its device: that of its local rank where there are several.

    Raises:
        pcrl.models.device.DeviceError: no such device, or fewer GPUs than ranks on this machine.
    """
    world = launched()
    where = device_named(device, None if world.size == 1 else world.local_rank)
    if world.size == 1:
        yield world, where
        return
    if where.type == "cuda":
        torch.cuda.set_device(where)
    # What ranks tell each other in words goes over the CPU.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if where.type == "cuda" else "gloo", timeout=PATIENCE)
    yield world, where
    # Not after an error: it waits for what others have begun with this rank, and these may wait for it.
    distributed.destroy_process_group()


@contextmanager
def _companions(rank: int) -> Iterator[None]:
    """Say who is missing where ranks meet."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise RankError(f"rank {rank} lost another one, whose message has the reason ({reason})") from error
