"""Training and asking every arm at every place; what is done is kept, and not done again."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from pcrl.evaluation.arms.arm import AT_MOST, LONGER, Arm
from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.finetune.fit import History, Schedule, fit
from pcrl.evaluation.records.replicate import Place
from pcrl.evaluation.records.results import Run
from pcrl.evaluation.tasks.task import Answers, Task
from pcrl.files import new_file, write_text

RUNS, RUN, WEIGHTS, ANSWERS = "runs", "run.json", "weights.safetensors", "answers.npz"
Show = Callable[[str, Place, int, float, float | None], None]
"""Called with (arm, place, epoch, loss, validation score if there is one)."""
Done = Callable[[], None]
"""Called when an arm is through at a place, whether trained now or before."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How every arm is trained: all alike.

    Args:
        rates: learning rates of which validation patients choose one, for every arm and place anew; none: the recipe's.
        frozen: encoders stay as they are.
    """

    rates: tuple[float, ...] = ()
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one arm came to at one place."""

    run: Run
    answers: Answers


def evaluate(
    task: Task, arms: Sequence[Arm], plan: Plan, out: Path, device: torch.device, show: Show, done: Done
) -> dict[str, dict[Place, Outcome]]:
    """Train and ask every arm at every place, on the same patients, in the same order.

    What is found whole in `out` is taken from there; an unfinished training goes on where it was saved.

    Returns:
        Arm → place → outcome.

    Raises:
        FloatingPointError: a loss became NaN or infinite at every learning rate.
    """
    outcomes: dict[str, dict[Place, Outcome]] = {}
    base = task.schedule().learning_rate
    for arm in arms:
        outcomes[arm.name] = {}
        for place in task.places:
            folder = out / RUNS / f"{arm.name}-{place}"
            if not (folder / RUN).exists():
                rates = plan.rates or (base,)
                if arm.shuffled and arm is not arms[0]:
                    # Nothing true can choose for it: it has the rate of the arm that it is the control of.
                    rates = (outcomes[arms[0].name][place].run.learning_rate,)
                _train_and_ask(task, arm, place, rates, plan.frozen, out, folder, device, show)
            outcomes[arm.name][place] = read(folder)
            done()
    return outcomes


def read(folder: Path) -> Outcome:
    """What is kept of an arm at a place."""
    with np.load(folder / ANSWERS, allow_pickle=False) as stored:
        answers = {name: stored[name] for name in stored.files}
    return Outcome(Run.model_validate_json((folder / RUN).read_bytes()), answers)


def schedule_of(base: Schedule, arm: Arm, rate: float, frozen: bool) -> Schedule:
    """The schedule of an arm: the recipe's; to the plateau, its stretched form."""
    schedule = replace(base, learning_rate=rate, frozen=frozen)
    if not arm.longer:
        return schedule
    return replace(
        schedule,
        epochs=base.epochs * AT_MOST,
        minimum=base.epochs * LONGER,
        halve_every=base.halve_every * LONGER,
    )


def _train_and_ask(
    task: Task,
    arm: Arm,
    place: Place,
    rates: tuple[float, ...],
    frozen: bool,
    out: Path,
    folder: Path,
    device: torch.device,
    show: Show,
) -> None:
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    base = task.schedule()
    best: tuple[float, History, nn.Module] | None = None
    tried: dict[str, float | None] = {}
    criterion = ""
    for number, rate in enumerate(rates):
        schedule = schedule_of(base, arm, rate, frozen)
        with torch.random.fork_rng(devices=[]):
            # What is new in the network, and an encoder from scratch, starts the same in every arm.
            torch.manual_seed(place.seed)
            model = task.build(arm.start(place.seed))
        learner = task.learner(model, place, arm.shuffled, frozen, device)
        criterion = learner.criterion
        try:
            history = fit(
                learner, schedule, folder / f"unfinished-{number}",
                lambda epoch, loss, score: show(arm.name, place, epoch, loss, score),
            )  # fmt: skip
        except FloatingPointError:
            tried[f"{rate:g}"] = None
            if number == len(rates) - 1 and best is None:
                raise
            continue
        finally:
            learner.finish()
        tried[f"{rate:g}"] = history.best[0] if history.best else None
        if best is None or _score(history) > _score(best[1]):
            best = rate, history, model
    assert best is not None
    rate, history, model = best
    answers = task.answer(model, place, arm.name, device, out)
    run = Run(
        seed=place.seed,
        fold=place.fold,
        learning_rate=rate,
        rates_tried=tried,
        losses=history.losses,
        validations=tuple((epoch, score[0]) for epoch, score in history.validations),
        criterion=criterion if history.validations else "last epoch",
        chosen_epoch=history.chosen_epoch,
        stopped=history.stopped,
        training_patients=task.patients(place)[0],
        seconds=time.monotonic() - started,
        folder=f"{RUNS}/{folder.name}",
    )
    _keep(folder, model, answers, run)


def _score(history: History) -> Score:
    return history.best or (-float("inf"),)


def _keep(folder: Path, model: nn.Module, answers: Answers, run: Run) -> None:
    """Weights and answers first, the record last: what has a record is whole."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with new_file(folder / WEIGHTS) as partial:
        save_file(state, partial)
    with new_file(folder / ANSWERS) as partial, partial.open("wb") as file:
        arrays: dict[str, Any] = dict(answers)
        np.savez(file, **arrays)
    write_text(folder / RUN, json.dumps(run.model_dump(mode="json"), indent=1) + "\n")
    for pattern in ("unfinished-*", ".unfinished-*"):
        for unfinished in folder.glob(pattern):
            shutil.rmtree(unfinished)
