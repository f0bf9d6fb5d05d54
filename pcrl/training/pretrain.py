"""Pre-training from beginning to end: what is opened, recorded and checked before what, and how a run is resumed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pcrl.config import Recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.recipe import recipe_for
from pcrl.engine.selection.select import select
from pcrl.listing import several
from pcrl.models.device import device_named
from pcrl.models.precision import in_use
from pcrl.models.weights.folder import Weights
from pcrl.training import run_folder
from pcrl.training.progress import PlannedRun, Progress
from pcrl.training.run_folder import FINISHED, RUN, RunError
from pcrl.training.start import open_start
from pcrl.training.timing import seconds_per_step
from pcrl.training.trainer import Trainer

RUNS = Path("runs")
"""Where runs are put that are given no folder."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The outcome of a pre-training.

    Args:
        folder: the run: weights in `checkpoints/`, the log in `metrics.jsonl`, pictures in `pictures/`.
        finished: it came to its last epoch; else it was stopped, and goes on with `resume`.
        fallbacks: samples for which the best of the allowed draws was taken, as none met all rules.
    """

    folder: Path
    finished: bool
    steps: int
    fallbacks: int


def pretrain(
    cache: str | Path | Cache = "cache",
    *,
    datasets: Sequence[str] = (),
    recipe: str | Path | Recipe | None = None,
    overrides: Sequence[str] = (),
    out: str | Path | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> RunResult:
    """Pre-train on what is in a cache. Patients whom it holds for validation or test are never seen.

        pcrl.pretrain("cache", recipe="pcrlv2-3d", overrides=["training.epochs=50"], out="runs/first")

    A run is saved at the end of every epoch. An exception, or Ctrl-C, ends it; `resume` goes on from what was saved.
    `progress` is given a function that saves the run first, which `pcrl pretrain` calls on Ctrl-C.

    Args:
        datasets: only these of the cache.
        recipe: built-in name, path of a TOML file, or the recipe itself. None: the one that the cache was made for.
        overrides: `KEY=VALUE` settings that differ from the recipe's.
        out: the run folder. None: `runs/RECIPE-DATE-TIME`; with `resume`, the newest unfinished run in `runs`.
        init: weights to start from: a run, a checkpoint, a folder of imported weights, or a file of `torch.save`.
        resume: go on with the run in `out`, with its own settings, as if it had never been stopped.
        device: `auto`, `cpu` or `cuda`.
        progress: is told how it gets on.

    Raises:
        RecipeError: no such recipe or setting, or a recipe that is not for what is in the cache.
        CacheError: no cache, no such data set, or a damaged one.
        LoaderError: nothing to train on, or less than a batch; a sample that could not be made.
        WeightsError: no weights in `init`, or those of another network.
        RunError: `out` holds a run and `resume` is not given; or there is none to go on with, or the cache has changed.
        DeviceError: no such device.
        TrainingError: the loss became NaN or infinite.
    """
    where, watch = device_named(device), progress or Progress()
    opened = cache if isinstance(cache, Cache) else Cache(Path(cache))
    names, overrides = several(datasets), several(overrides)
    weights: Weights | None = None
    if resume:
        if recipe is not None or overrides or init is not None or names:
            raise RunError(
                "a resumed run keeps its own settings: remove --recipe, --set, --init and --dataset"
            )
        folder = Path(out) if out is not None else newest_unfinished(RUNS)
        record = run_folder.read(folder)
        if run_folder.is_finished(folder):
            return _result(folder)
        selection = select(opened, record.datasets, record.recipe)
        if record.identity != selection.identity():
            raise RunError(f"{opened.root} has changed since {folder} was trained on it: start a new run")
        settings, words = record.recipe, f"the last checkpoint in {folder}"
    else:
        settings = recipe_for(opened, names, recipe, overrides, watch.note)
        selection = select(opened, names, settings)
        folder = Path(out) if out is not None else RUNS / f"{settings.name}-{datetime.now():%Y%m%d-%H%M%S}"
        run_folder.require_none(folder)
        weights, start = open_start(None if init is None else Path(init), settings)
        words = start.words
    # What can fail fails here, before there is a folder.
    trainer = Trainer(selection, folder, where, weights=weights, resume=resume)
    if not resume:
        if weights is not None:
            # Fresh weights can be made again; these may be gone when a run goes on that was killed in its first epoch.
            trainer.save()
        run_folder.create(folder, settings, selection, start)
    if progress is not None:
        watch.preparing()
        watch.planned(_planned(trainer, words), trainer.request_stop)
    finished = trainer.run(watch.stepped)
    return RunResult(folder, finished, trainer.steps_done, trainer.fallbacks)


def newest_unfinished(runs: Path) -> Path:
    """The run folder below `runs` that was begun last and did not come to its end.

    Raises:
        RunError: there is none.
    """
    begun = [path.parent for path in runs.glob(f"*/{RUN}") if not run_folder.is_finished(path.parent)]
    if not begun:
        raise RunError(f"no unfinished run in {runs}: give it with --out")
    return max(begun, key=lambda folder: (folder / RUN).stat().st_mtime)


def _planned(trainer: Trainer, start: str) -> PlannedRun:
    """What is about to be done; times a step."""
    recipe, selection, device = trainer.recipe, trainer.selection, trainer.device
    return PlannedRun(
        folder=trainer.out,
        recipe=recipe,
        cases=selection.describe(),
        held_back=selection.held_back,
        start=start,
        device=str(device),
        numbers=str(in_use(device)).removeprefix("torch."),
        steps=trainer.steps,
        steps_done=trainer.steps_done,
        seconds_per_step=seconds_per_step(recipe, device),
        readings=trainer.readings,
    )


def _result(folder: Path) -> RunResult:
    """What a finished run says of itself."""
    totals = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
    return RunResult(folder, True, totals["steps"], totals["fallbacks"])
