"""The loader as everyone takes it: `for batch in Loader(Cache("cache"))`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from pcrl.config import Recipe
from pcrl.engine.batch import Allocate, Batch
from pcrl.engine.cache.cache import Cache
from pcrl.engine.loading.order import LoaderError, Order, Share
from pcrl.engine.loading.ring import Ring, Times
from pcrl.engine.recipe import recipe_for
from pcrl.engine.selection.select import select
from pcrl.engine.selection.selection import Selection
from pcrl.listing import several


class Loader:
    """Batches of all epochs, in an order that follows from the recipe's seed alone.

        for batch in Loader(Cache("cache"), recipe="pcrlv2-3d"):
            views = torch.from_numpy(batch.globals)

    A batch is valid until the next one is asked for, or until its `release` is called. Iterating starts the threads;
    leaving the loop ends them, at its end as by `break` or by an exception. Iterating again begins anew.

    Args:
        source: a cache, or its folder, of which patients held for evaluation are left out; or what `select` has chosen
            of it.
        recipe: built-in name, path of a TOML file, or the recipe itself. None: the one that the cache was made for.
        datasets: only these of the cache.
        overrides: `KEY=VALUE` settings that differ from the recipe's.
        mixed: data sets of several spacings, or sizes of images, together.
        epochs: the epoch to end before. None: those of the recipe.
        start: epoch and step to begin with.
        threads: 0 for as many as there are cores that this process may use, shared with the others of its machine.
        allocate: makes the arrays of batches, such as page-locked ones for a GPU. Plain NumPy by default.
        share: of several processes that train together: rank, number of ranks, and both on this machine alone. Each
            is given its part of every batch; together they are given the same samples as one alone.

    Attributes:
        recipe: the settings in use.
        selection: what is drawn from.
        steps: batches in an epoch.
        times: seconds that the last loop took so far, stage by stage, summed over threads.

    Raises:
        RecipeError: no such recipe, or one that does not fit the cache; or the data sets are of several spacings or
            sizes, and `mixed` is not given.
        CacheError: no such data set, or a damaged one.
        LoaderError: nothing to draw from, less than one batch, or a batch that ranks cannot share evenly. While
            iterating: a sample that could not be made.
    """

    def __init__(
        self,
        source: str | Path | Cache | Selection,
        recipe: str | Path | Recipe | None = None,
        *,
        datasets: Sequence[str] = (),
        overrides: Sequence[str] = (),
        mixed: bool = False,
        epochs: int | None = None,
        start: tuple[int, int] = (0, 0),
        threads: int = 0,
        allocate: Allocate | None = None,
        share: Share = (0, 1, 0, 1),
    ) -> None:
        if isinstance(source, str | Path):
            source = Cache(source)
        if isinstance(source, Cache):
            names = several(datasets)
            settings = recipe_for(source, names, recipe, several(overrides), mixed=mixed)
            source = select(source, names, settings)
        elif recipe is not None or datasets or overrides or mixed:
            raise TypeError(
                "a selection already has its recipe and data sets: remove recipe, datasets, overrides and mixed, or "
                "give the cache instead"
            )
        elif not hasattr(source, "renderer"):
            raise TypeError(f"expected a cache, its folder or a selection of it, got {source!r}")
        if threads < 0 or min(start) < 0 or (epochs is not None and epochs < 0):
            raise ValueError(f"threads={threads}, start={start}, epochs={epochs}: none may be below 0")
        self.selection = source
        self._renderer = source.renderer()
        self.recipe = self._renderer.recipe
        self._order = Order.of(self._renderer.groups, self.recipe.training, share)
        _require_a_batch(source, self._order, self.recipe)
        self.steps = self._order.steps
        self.times = Times()
        self._epochs, self._start, self._threads, self._allocate = epochs, start, threads, allocate
        self._ring: Ring | None = None

    def __len__(self) -> int:
        """Batches of one loop."""
        epochs = self.recipe.training.epochs if self._epochs is None else self._epochs
        return max(0, (epochs - self._start[0]) * self.steps - self._start[1])

    def __iter__(self) -> Generator[Batch, None, None]:
        """Batches in order; see the class."""
        for batch in self.held():
            yield batch
            batch.release()

    def held(self) -> Generator[Batch, None, None]:
        """Batches in order, each valid until its own `release`. There are two more than `training.ahead` at a time.

        For whoever copies batches while going on: without releases the loop waits for ever.
        """
        ring = Ring(
            self._renderer,
            self._order,
            threads=self._threads,
            start=self._start,
            epochs=self._epochs,
            allocate=self._allocate,
        )
        self.times = ring.times
        self._ring = ring
        with ring:
            yield from ring

    def has_next(self) -> bool:
        """Whether the loop that is under way would be given its next batch without waiting for it."""
        return self._ring is not None and self._ring.has_next()


def _require_a_batch(selection: Selection, order: Order, recipe: Recipe) -> None:
    """Raise `LoaderError` unless there is something to draw from."""
    if not len(selection):
        raise LoaderError(
            f"there is no case to train on: all {selection.held_back} are held back for evaluation"
            if selection.held_back
            else "there is no case to train on: the data sets are empty"
        )
    if order.steps == 0:
        raise LoaderError(
            f"{len(selection)} cases × {recipe.training.samples_per_case} samples do not fill one batch of "
            f"{recipe.training.batch_size}: set training.samples_per_case higher or training.batch_size lower"
        )
