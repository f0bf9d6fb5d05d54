"""Pre-training from beginning to end: what is opened, recorded and checked before what, and how a run is resumed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from pcrl.config import Recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.lock import locked
from pcrl.listing import several
from pcrl.models.precision import in_use
from pcrl.training.opening import RUNS, Plan, begun, newest_unfinished, resumed
from pcrl.training.progress import PlannedRun, Progress, StepReport
from pcrl.training.ranks.world import World, opened
from pcrl.training.records import run_folder
from pcrl.training.records.checkpoint import checkpoints
from pcrl.training.records.run_folder import CHECKPOINTS, RunError
from pcrl.training.stepping.builds import build_of, known_faults
from pcrl.training.stepping.memory import LEAST, free, is_out_of_memory, too_large, try_batch
from pcrl.training.trainer import StepFaultError, Trainer, TrainingError

MOST_BACK = 5
"""Times that a run goes back to its last checkpoint before it stops."""


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
    profile: bool = False,
    mixed: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Pre-train on what is in a cache. Patients whom it holds for validation or test are never seen.

        pcrl.pretrain("cache", recipe="pcrlv2-3d", overrides=["training.epochs=50"], out="runs/first")

    Started by `torchrun`, several processes train as one; see `docs/scaling.md`.

    A run is saved at the end of every epoch, and every half hour. An exception, or Ctrl-C, ends it; `resume` goes on
    from what was saved. `progress` is given a function that saves the run first, which `pcrl pretrain` calls on Ctrl-C.

    Args:
        datasets: only these of the cache.
        recipe: built-in name, path of a TOML file, or the recipe itself. None: the one that the cache was made for.
        overrides: `KEY=VALUE` settings that differ from the recipe's.
        out: the run folder. None: `runs/RECIPE-DATE-TIME`; with `resume`, the newest unfinished run in `runs`.
        init: weights to start from: a run, a checkpoint, a folder of imported weights, or a file of `torch.save`.
        resume: go on with the run in `out`, with its own settings, as if it had never been stopped.
        device: `auto`, `cpu` or `cuda`; of several processes each takes the GPU of its number on its machine.
        profile: leave a trace of ten steps in the folder `profile` of the run.
        mixed: train on data sets of several spacings, or sizes of images, together.
        progress: is told how it gets on.

    Raises:
        RecipeError: no such recipe or setting, or a recipe that is not for what is in the cache; or the data sets are
            of several spacings or sizes, and `mixed` is not given.
        CacheError: no cache, no such data set, or a damaged one; or another process trains into the folder.
        LoaderError: nothing to train on, or less than a batch; a sample that could not be made.
        WeightsError: no weights in `init`, or those of another network.
        RunError: `out` holds a run and `resume` is not given; or there is none to go on with, or the cache has changed.
        DeviceError: no such device.
        TrainingError: a loss or a gradient became NaN or infinite, and `training.on_fault` is not `back`; or the device
            has too little memory, and what fits.
        RankError: processes that cannot train together, such as on different caches.
    """
    watch = progress or Progress()
    with opened(device) as (world, where), ExitStack() as held:
        source = cache if isinstance(cache, Cache) else Cache(Path(cache))
        note = watch.note if world.is_first else _silent
        if resume:
            if recipe is not None or overrides or init is not None or datasets:
                raise RunError(
                    "a resumed run keeps its own settings: remove --recipe, --set, --init and --dataset (in Python: "
                    "recipe, overrides, init and datasets)"
                )
            folder, ended = world.first_does(lambda: _to_resume(None if out is None else Path(out)))
            if ended:
                return _result(folder)
            world.first_does(lambda: _hold(folder, held))
            plan = resumed(source, folder, note)
        else:
            plan = begun(
                source, None if out is None else Path(out), world, note, datasets=several(datasets), recipe=recipe,
                overrides=several(overrides), init=init, mixed=mixed,
            )  # fmt: skip
        try:
            return _carried_out(plan, where, world, held, profile, watch, told=progress is not None)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # What the run had on the device has gone with it: only now can be tried what fits.
        free(where)
        if plan.start is not None and world.is_first and not checkpoints(plan.folder / CHECKPOINTS):
            shutil.rmtree(plan.folder)  # Nothing was trained, and its settings do not fit.
        raise TrainingError(too_large(plan.selection.recipe, where, processes=world.size))


def _carried_out(
    plan: Plan,
    device: torch.device,
    world: World,
    held: ExitStack,
    profile: bool,
    watch: Progress,
    told: bool,
) -> RunResult:
    note = watch.note if world.is_first else _silent
    if device.type == "cuda":
        for fault in known_faults(build_of(device), plan.selection.recipe.dimensions):
            note(fault)
    skip: tuple[int, ...] = ()
    while True:
        # What can fail fails here, before there is a folder.
        trainer = Trainer(
            plan.selection, plan.folder, device, weights=plan.weights, resume=plan.start is None or bool(skip),
            world=world, profile=profile, skip=skip, note=note,
        )  # fmt: skip
        try:
            return _trained(trainer, plan, world, held, watch, told=told, first=not skip)
        except StepFaultError as error:
            if plan.selection.recipe.training.on_fault == "stop" or len(skip) == MOST_BACK:
                raise
            skip = (*skip, error.fault.step)
            note(
                f"{error.fault}. Back to {trainer.last_checkpoint() or 'the first weights'}, and on without step "
                f"{error.fault.step} ({len(skip)} of at most {MOST_BACK} times)"
            )
        del trainer
        free(device)


def _trained(
    trainer: Trainer, plan: Plan, world: World, held: ExitStack, watch: Progress, *, told: bool, first: bool
) -> RunResult:
    """Train to the end, or until it is stopped.

    Args:
        first: it has not been begun in this call.
    """
    if world.size > 1:  # It looks at all weights, which one alone need not.
        world.require_same(_what_must_be_the_same(plan, trainer))
    if first:
        world.first_does(lambda: _made_folder(plan, trainer, held))
    shown: Callable[[StepReport], None] = _silent
    if told and world.is_first:
        watch.preparing()
        watch.planned(_planned(trainer, plan.words), trainer.stopping.set)
        shown = watch.stepped
    elif told:
        watch.joined(trainer.stopping.set)
    try:
        finished = trainer.run(shown)
    finally:
        if told:
            watch.ended()
    return RunResult(plan.folder, finished, trainer.steps_done, trainer.tally.fallbacks)


def _what_must_be_the_same(plan: Plan, trainer: Trainer) -> dict[str, str]:
    """On all ranks, in words that tell it from others."""
    weights = hashlib.sha256()
    for value in trainer.network.state_dict().values():
        weights.update(value.detach().cpu().contiguous().numpy().tobytes())
    return {
        "cache": plan.selection.identity(),
        "settings": plan.selection.recipe.model_dump_json(),
        "run folder": str(plan.folder),
        "position": str(trainer.position),
        "weights": weights.hexdigest(),
    }


def _to_resume(out: Path | None) -> tuple[Path, bool]:
    """The folder of the run to go on with, and whether it is finished."""
    folder = newest_unfinished(RUNS) if out is None else out
    return folder, run_folder.is_finished(folder)


def _hold(folder: Path, held: ExitStack) -> None:
    """Nobody else trains into the folder meanwhile; raises `CacheError` if somebody does."""
    held.enter_context(locked(folder))


def _made_folder(plan: Plan, trainer: Trainer, held: ExitStack) -> None:
    if plan.start is None:
        return
    _hold(plan.folder, held)
    if plan.weights is not None:
        # Fresh weights can be made again; these may be gone when a run goes on that was killed in its first epoch.
        trainer.save()
    run_folder.create(plan.folder, plan.selection.recipe, plan.selection, plan.start)


def _silent(_: object) -> None:
    pass


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
        seconds_per_step=_seconds_per_step(recipe, device),
        readings=trainer.readings,
    )


def _seconds_per_step(recipe: Recipe, device: torch.device) -> float | None:
    """From two samples: their time is in proportion on a CPU, and not on a GPU."""
    if device.type == "cuda":
        return None
    trial = try_batch(recipe, device, LEAST, steps=2)
    return None if trial is None else trial.seconds * recipe.training.batch_size / LEAST


def _result(folder: Path) -> RunResult:
    """What a finished run says of itself."""
    totals = run_folder.read_totals(folder)
    return RunResult(folder, True, totals.steps, totals.fallbacks)
