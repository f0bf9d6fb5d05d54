"""The batches of the loader, and the interface of a renderer, which volumes and images implement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageRecipe, Recipe

Allocate = Callable[[tuple[int, ...]], NDArray[np.float32]]


@dataclass
class Batch:
    """One step's samples. The arrays are valid until `release` is called, or the loader is asked for the next batch.

    Args:
        globals: (2, batch, 1, …) float32: the two corrupted global views, (z, y, x) or (y, x).
        target: (batch, 1, …) float32 in [0, 1]: view 1 before corruption.
        locals: (locals, batch, 1, …) float32.
        holes: (2, batch, holes, 4) int32: first and last row and column, the last not included, of squares that are
            cut out of the global views on the device; none for volumes.
        keys: (batch,) uint64: of each sample, from `sample_key(seed, epoch, sample)`; all that is random in it follows.
        cases: data set and name of each sample's case.
        fallbacks: samples for which the best of the allowed draws was taken, as none met all rules.
        skipped: of each sample that could not be read, and was replaced by another: its case, and why.
    """

    epoch: int
    step: int
    globals: NDArray[np.float32]
    target: NDArray[np.float32]
    locals: NDArray[np.float32]
    holes: NDArray[np.int32]
    keys: NDArray[np.uint64]
    cases: list[str]
    fallbacks: int
    release: Callable[[], None]
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class StageTimes:
    """Seconds spent on making samples, by stage.

    Args:
        plan: drawing of boxes; opening of files that are not open yet.
        read: finding chunks, waiting for their bytes, and checking those. A map is read when its bytes are first looked
            at, so that storage is partly waited for in `decode` there.
        decode: decompressing and copying of chunks.
        gather: crop, resize, flip and affine.
        corrupt: all that is done to a view after its target was taken.
    """

    plan: float = 0.0
    read: float = 0.0
    decode: float = 0.0
    gather: float = 0.0
    corrupt: float = 0.0


@dataclass(frozen=True, slots=True)
class SampleSlot:
    """Where a sample's pixels go: a batch's arrays, as `Batch` has them, and the sample's position in them."""

    globals: NDArray[np.float32]
    target: NDArray[np.float32]
    locals: NDArray[np.float32]
    holes: NDArray[np.int32]
    position: int = 0

    @classmethod
    def of_one(cls, recipe: Recipe) -> SampleSlot:
        """New arrays for a batch of one sample."""
        return cls(*arrays(recipe, 1, lambda shape: np.empty(shape, np.float32)))

    @property
    def views(self) -> list[NDArray[np.float32]]:
        """The sample's views, (z, y, x) or (y, x) each, the global ones first."""
        return [*self.globals[:, self.position, 0], *self.locals[:, self.position, 0]]


def arrays(
    recipe: Recipe, batch: int, allocate: Allocate
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """New arrays of a batch: global views, target, local views, holes; see `Batch`."""
    views = recipe.views
    count = recipe.corruption.holes if isinstance(recipe, ImageRecipe) else 0
    # In the same kind of memory as the rest, and as wide.
    holes = allocate((2, batch, count, 4)).view(np.int32)
    holes[:] = 0
    return (
        allocate((2, batch, 1, *views.global_shape)),
        allocate((batch, 1, *views.global_shape)),
        allocate((views.locals, batch, 1, *views.local_shape)),
        holes,
    )


class Renderer(Protocol):
    """Makes samples of a list of cases; one for all threads, each of which has a workspace of its own.

    Samples are numbered case by case; a group of cases lies in one file of the cache.
    """

    @property
    def recipe(self) -> Recipe:
        """Settings of views and corruption."""

    @property
    def groups(self) -> tuple[int, ...]:
        """Samples an epoch of each group, in the order of their numbers."""

    @property
    def files(self) -> list[Path]:
        """The file of each group."""

    def workspace(self) -> Any:
        """Buffers of one thread."""

    def name_of(self, sample: int) -> str:
        """Data set and name of a sample's case."""

    def read_ahead(self, group: int, block: bytearray | None) -> None:
        """Open a group's file, and bring it into memory with the help of `block` if that is given."""

    def make(self, key: int, sample: int, workspace: Any, to: SampleSlot) -> tuple[bool, StageTimes]:
        """Render one sample; whether it is a fallback (see `Batch`), and what it took."""

    def read_cost(self, key: int, sample: int) -> tuple[int, int]:
        """Chunks that a sample takes from storage, and their bytes."""
