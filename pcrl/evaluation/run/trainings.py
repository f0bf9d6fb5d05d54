"""Training every arm in every replicate, and predicting its test cases; what is done is kept, and not done again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from pcrl.evaluation.arms.arm import AT_MOST, LONGER, Arm
from pcrl.evaluation.cohorts.cohorts import Cohorts
from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.finetune.fit import History, Schedule, fit
from pcrl.evaluation.records.kept import (
    PREDICTIONS,
    RUN,
    WEIGHTS,
    kept_predictions,
    kept_run,
    kept_weights,
)
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Run
from pcrl.evaluation.run.progress import Progress
from pcrl.evaluation.tasks.task import Conditions, Predictions, Task
from pcrl.files import new_file, save_record, sha256_of

RUNS = "runs"
"""Folder of all trainings in that of an evaluation."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How every arm is trained: all alike.

    Args:
        rates: learning rates of which validation patients choose one, for every arm and replicate anew; none: the
            recipe's.
        frozen: encoders stay as they are.
        unchosen: replicates in which nobody validates, so that nobody can choose: they are trained at the recipe's.
    """

    rates: tuple[float, ...] = ()
    frozen: bool = False
    unchosen: frozenset[Replicate] = frozenset()


@dataclass(frozen=True, slots=True)
class Finished:
    """What one arm came to in one replicate."""

    run: Run
    predictions: Predictions


@dataclass(frozen=True, slots=True)
class Trainings:
    """All trainings of an evaluation, on the same patients, in the same order.

    Args:
        folder: of the evaluation. What is found whole in it is taken from there; an unfinished training goes on where
            it was saved.
    """

    task: Task
    cohorts: Cohorts
    plan: Plan
    folder: Path
    device: torch.device
    progress: Progress

    def of(self, arms: Sequence[Arm]) -> dict[str, dict[Replicate, Finished]]:
        """Do what is not done yet: arm → replicate → what it came to.

        Raises:
            FloatingPointError: a loss became NaN or infinite at every learning rate.
        """
        finished: dict[str, dict[Replicate, Finished]] = {}
        for arm in arms:
            finished[arm.name] = {}
            for replicate in self.cohorts.replicates:
                folder = self.folder / RUNS / f"{arm.name}-{replicate}"
                if not (folder / RUN).exists():
                    rates = self.plan.rates
                    if not rates or (len(rates) > 1 and replicate in self.plan.unchosen):
                        rates = (self.task.schedule().learning_rate,)
                    if arm.shuffled and arm is not arms[0]:
                        # No true label can choose for it: it has the rate of the arm that it is the control of.
                        rates = (finished[arms[0].name][replicate].run.learning_rate,)
                    self._train(arm, replicate, rates, folder)
                finished[arm.name][replicate] = self._complete(read(folder), arm, replicate, folder)
                self.progress.trained(arm.name, replicate)
        return finished

    def _complete(self, finished: Finished, arm: Arm, replicate: Replicate, folder: Path) -> Finished:
        """What is kept of a training; predicted anew by its network where an earlier version kept less."""
        if finished.run.digest is None and (folder / WEIGHTS).exists():
            run = finished.run.model_copy(update={"digest": sha256_of(folder / WEIGHTS)})
            finished = replace(finished, run=run)
        if self.task.predicted <= finished.predictions.keys():
            return finished
        model = self.task.build(None)
        model.load_state_dict(load_file(kept_weights(folder)))
        predictions = self.task.predict(model.to(self.device), replicate, arm.name, self.device, self.folder)
        keep_predictions(folder, predictions)
        return Finished(finished.run, predictions)

    def _train(self, arm: Arm, replicate: Replicate, rates: tuple[float, ...], folder: Path) -> None:
        started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        best: _Trained | None = None
        tried: dict[str, float | None] = {}
        for number, rate in enumerate(rates):
            try:
                trained = self._at_rate(arm, replicate, rate, folder / f"unfinished-{number}")
            except FloatingPointError:
                tried[f"{rate:g}"] = None
                if number == len(rates) - 1 and best is None:
                    raise
                continue
            tried[f"{rate:g}"] = trained.history.best[0] if trained.history.best else None
            if best is None or trained.score > best.score:
                best = trained
        assert best is not None
        predictions = self.task.predict(best.model, replicate, arm.name, self.device, self.folder)
        history = best.history
        run = Run(
            seed=replicate.seed,
            fold=replicate.fold,
            learning_rate=best.rate,
            rates_tried=tried,
            losses=history.losses,
            validations=tuple((epoch, score[0]) for epoch, score in history.validations),
            criterion=best.criterion if history.validations else "last epoch",
            chosen_epoch=history.chosen_epoch,
            stopped=history.stopped,
            training_patients=self.cohorts.counts(replicate)[0],
            seconds=time.monotonic() - started,
            folder=f"{RUNS}/{folder.name}",
            steps=history.steps,
        )
        _keep(folder, best.model, predictions, run)

    def _at_rate(self, arm: Arm, replicate: Replicate, rate: float, unfinished: Path) -> _Trained:
        schedule = schedule_of(self.task.schedule(), arm, rate, self.plan.frozen)
        with torch.random.fork_rng(devices=[]):
            # What is new in the network, and an encoder from scratch, starts the same in every arm.
            torch.manual_seed(replicate.seed)
            model = self.task.build(arm.start(replicate.seed))
        learner = self.task.learner(model, Conditions(replicate, arm.shuffled, self.plan.frozen, self.device))
        criterion = learner.criterion
        try:
            history = fit(
                learner, schedule, unfinished,
                lambda epoch, loss, score: self.progress.epoch(arm.name, replicate, epoch, loss, score),
            )  # fmt: skip
        finally:
            learner.finish()
        return _Trained(rate, history, criterion, model)


@dataclass(frozen=True, slots=True)
class _Trained:
    """A network as it came out of one learning rate."""

    rate: float
    history: History
    criterion: str
    model: nn.Module

    @property
    def score(self) -> Score:
        """Best of the validation patients; below all others where there are none."""
        return self.history.best or (-float("inf"),)


def read(folder: Path) -> Finished:
    """What is kept of an arm in a replicate.

    Raises:
        ProtocolError: its record, or what it predicted, is missing or damaged.
    """
    return Finished(kept_run(folder), kept_predictions(folder / PREDICTIONS))


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


def _keep(folder: Path, model: nn.Module, predictions: Predictions, run: Run) -> None:
    """Weights and predictions first, the record last: what has a record is whole."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with new_file(folder / WEIGHTS) as partial:
        save_file(state, partial)
    keep_predictions(folder, predictions)
    save_record(run.model_copy(update={"digest": sha256_of(folder / WEIGHTS)}), folder / RUN)
    for pattern in ("unfinished-*", ".unfinished-*"):
        for unfinished in folder.glob(pattern):
            shutil.rmtree(unfinished)


def keep_predictions(folder: Path, predictions: Predictions) -> None:
    """Write or replace the predictions of a training."""
    with new_file(folder / PREDICTIONS) as partial, partial.open("wb") as file:
        arrays: dict[str, Any] = dict(predictions)
        np.savez(file, **arrays)
