"""What is to be trained: a new run, or one that goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pcrl.config import Recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.recipe import recipe_for
from pcrl.engine.selection.select import select
from pcrl.engine.selection.selection import Selection
from pcrl.models.weights.folder import Weights
from pcrl.training.ranks.world import World
from pcrl.training.records import run_folder
from pcrl.training.records.run_folder import RUN, RunError, Start
from pcrl.training.start import open_start

RUNS = Path("runs")
"""Where runs are put that are given no folder."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained, and where.

    Args:
        start: of a new run; none of one that goes on.
        words: where the weights come from.
    """

    selection: Selection
    folder: Path
    words: str
    weights: Weights | None = None
    start: Start | None = None


def begun(
    cache: Cache,
    out: Path | None,
    world: World,
    note: Callable[[str], None],
    *,
    datasets: tuple[str, ...],
    recipe: str | Path | Recipe | None,
    overrides: tuple[str, ...],
    init: str | Path | None,
    mixed: bool = False,
) -> Plan:
    """A new run; its folder is not made yet.

    Raises:
        RunError: `out` holds a run.
        RecipeError, CacheError, WeightsError: see `pcrl.training.pretrain.pretrain`.
    """
    settings = recipe_for(cache, datasets, recipe, overrides, note, mixed)
    selection = select(cache, datasets, settings)

    def new() -> Path:
        folder = RUNS / f"{settings.name}-{datetime.now():%Y%m%d-%H%M%S}" if out is None else out
        run_folder.require_none(folder)
        return folder

    folder = world.first_does(new)
    weights, start = open_start(None if init is None else Path(init), settings)
    return Plan(selection, folder, start.words, weights, start)


def resumed(cache: Cache, folder: Path, note: Callable[[str], None]) -> Plan:
    """A run that goes on, with its own settings.

    Raises:
        RunError: no run there, or the cache has changed.
        CacheError: no such data set any more.
    """
    record = run_folder.read(folder)
    selection = select(cache, record.datasets, record.recipe)
    if record.identity != selection.identity():
        raise RunError(f"{cache.root} has changed since {folder} was trained on it: start a new run")
    if not record.every_weight:
        note(
            f"{folder} was begun by an earlier version, in which weights of heads that a step did not draw stayed as "
            "they were; from here on decay and momentum reach all of them at every step, as published"
        )
    return Plan(selection, folder, f"the last checkpoint in {folder}")


def newest_unfinished(runs: Path) -> Path:
    """The run folder below `runs` that was begun last and did not come to its end.

    Raises:
        RunError: there is none.
    """
    begun = [path.parent for path in runs.glob(f"*/{RUN}") if not run_folder.is_finished(path.parent)]
    if not begun:
        raise RunError(f"no unfinished run in {runs}: give it with --out")
    return max(begun, key=lambda folder: (folder / RUN).stat().st_mtime)
