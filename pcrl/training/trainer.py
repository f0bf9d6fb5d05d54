"""Pre-training, top to bottom: batches in, steps, what is logged, checkpoints out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from pcrl.config import Recipe
from pcrl.engine.batch import Batch
from pcrl.engine.loading.loader import Loader
from pcrl.engine.selection.selection import Selection
from pcrl.files import write_text
from pcrl.kernels.streams import stream
from pcrl.models.networks import Network, build
from pcrl.models.precision import autocast, float32
from pcrl.models.weights.folder import Weights, load_into
from pcrl.training import checkpoint
from pcrl.training.checkpoint import Position, trained
from pcrl.training.feed import on_device, pinned, views_of
from pcrl.training.log import Log
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Objective
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.optimizers.schedule import learning_rate
from pcrl.training.picture import save_pictures
from pcrl.training.progress import StepReport
from pcrl.training.run_folder import CHECKPOINTS, FINISHED, PICTURES

STEPS = 1 << 33
"""Word that sets the stream of the steps' keys apart from those of samples and order."""


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says where, and what to do."""


def step_key(seed: int, step: int) -> int:
    """The key of a step, counted from 0 over the whole run."""
    return stream(stream(seed, STEPS), step)


def initial_state(recipe: Recipe, weights: Weights | None) -> tuple[Network, Objective]:
    """The network, and the objective with what it has beside it: seeded and fresh, or from given weights.

    Weights of an encoder alone leave the rest of the network fresh.

    Raises:
        pcrl.models.weights.published.WeightsError: the weights are not those of the recipe's network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed % 2**63)
        network = build(recipe.model)
        if weights is not None:
            load_into(network, weights)
        return network, build_objective(recipe, network)


class Trainer:
    """One run. `stop` may be set at any time (by a signal): the run then saves a checkpoint and returns.

    Args:
        selection: what to train on, with the recipe.
        out: the run folder, made by `run_folder.create`.
        weights: to start from, of the network or of its encoder; what they do not hold is fresh.
        resume: go on from the last checkpoint in `out`.
    """

    def __init__(
        self,
        selection: Selection,
        out: Path,
        device: torch.device,
        *,
        weights: Weights | None = None,
        resume: bool = False,
    ) -> None:
        recipe, training = selection.recipe, selection.recipe.training
        self.recipe, self.selection, self.out, self.device = recipe, selection, out, device
        network, objective = initial_state(recipe, weights)
        # A third faster on CPUs too.
        last = torch.channels_last if recipe.dimensions == 2 else torch.channels_last_3d
        self.network = network.to(device).train().to(memory_format=last)  # type: ignore[call-overload]
        self.objective = objective.to(device).train()
        self.readings = self.objective.readings()
        self._trained = [parameter for _, parameter in trained(self.network, self.objective)]
        self.optimizer = build_optimizer(self._trained, training)
        self.position = Position(0, 0)
        if resume and (saved := checkpoint.checkpoints(out / CHECKPOINTS)):
            self.position = checkpoint.load(saved[-1], self.network, self.objective, self.optimizer)
        self.loader = Loader(
            selection,
            start=(self.position.epoch, self.position.step),
            threads=training.loader_threads,
            allocate=pinned if device.type == "cuda" else None,
        )
        self.stop = False
        self.fallbacks = 0
        self._pending: list[tuple[int, list[str], Tensor]] = []

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.loader.steps * self.recipe.training.epochs

    @property
    def steps_done(self) -> int:
        """So far, those before a resume included."""
        return self.position.epoch * self.loader.steps + self.position.step

    def request_stop(self) -> None:
        """Ask for the run to be saved and ended after the step that is under way."""
        self.stop = True

    def run(self, show: Callable[[StepReport], None]) -> bool:
        """Train to the end, or until `stop` is set.

        Returns:
            Whether the run is finished.

        Raises:
            TrainingError: the loss became NaN or infinite; names the step, its cases and the last good checkpoint.
        """
        log = Log(self.out, self.steps_done)
        since, waited = time.perf_counter(), 0.0
        try:
            for batch in self.loader:
                pictures = self._step(batch)
                self.position = Position(batch.epoch, batch.step + 1)
                ended = self.position.step == self.loader.steps
                if self.steps_done % self.recipe.training.log_every == 0 or ended:
                    now, waiting = time.perf_counter(), self.loader.times.wait_batch
                    report = self._report(batch, now - since, waiting - waited)
                    log.write(report, self.fallbacks)
                    show(report)
                    since, waited = now, waiting
                if pictures is not None:
                    path = self.out / PICTURES / f"epoch-{batch.epoch + 1:04d}.png"
                    save_pictures(path, pictures, f"after epoch {batch.epoch + 1}")
                batch.release()
                if ended:
                    self.position = Position(batch.epoch + 1, 0)
                if ended or self.stop:
                    self._means()
                    self.save()
                if self.stop:
                    return False
        finally:
            log.close()
        totals = {"steps": self.steps_done, "fallbacks": self.fallbacks}
        write_text(self.out / FINISHED, json.dumps(totals) + "\n")
        return True

    def _step(self, batch: Batch) -> Mapping[str, Tensor] | None:
        """Forward, loss, backward, update; nothing here waits for the device.

        Returns:
            Pictures, after the last step of an epoch that asks for some.
        """
        training, objective, steps = self.recipe.training, self.objective, self.loader.steps
        number, moment = (
            batch.epoch * steps + batch.step,
            Moment(batch.epoch, training.epochs, batch.step, steps),
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(training, batch.epoch, batch.step, steps)
        keys = Keys(step_key(training.seed, number), batch.keys)
        draws = on_device(objective.draw(keys), self.device)
        views = views_of(batch, self.device, objective.uses_locals)
        with autocast(self.device):
            outputs = objective(self.network, views, draws)
        with float32(self.device):
            loss = objective.loss(outputs, views, draws, moment)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        if training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._trained, training.clip_norm)
        self.optimizer.step()
        objective.after_step(self.network, moment)
        self.fallbacks += batch.fallbacks
        values = torch.stack([loss.scalars[name].detach().float() for name in self.readings])
        self._pending.append((number + 1, batch.cases, values))
        if batch.step + 1 == steps and self._picture_is_due(batch.epoch):
            return objective.pictures(outputs, views, draws)
        return None

    def _report(self, batch: Batch, seconds: float, waiting: float) -> StepReport:
        """What is told of the steps since the last time, which took so many seconds, some of them waiting."""
        samples = len(self._pending) * len(batch.cases)
        return StepReport(
            epoch=batch.epoch + 1,
            step=self.steps_done,
            steps=self.steps,
            scalars=self._means(),
            learning_rate=self.optimizer.param_groups[0]["lr"],
            samples_per_second=samples / seconds,
            waiting=waiting / seconds,
        )

    def _means(self) -> dict[str, float]:
        """Means of the steps since the last call; the one place that waits for the device."""
        if not self._pending:
            return {}
        values = torch.stack([row for _, _, row in self._pending]).cpu().double()
        columns = dict(zip(self.readings, values.T, strict=True))
        for (step, cases, _), loss in zip(self._pending, columns["loss"].tolist(), strict=True):
            if not math.isfinite(loss):
                saved = checkpoint.checkpoints(self.out / CHECKPOINTS)
                raise TrainingError(
                    f"the loss of step {step} is {loss}; cases in the batch: {', '.join(sorted(set(cases)))}. "
                    f"Last good checkpoint: {saved[-1] if saved else 'none yet'}. Check these cases with `pcrl cache "
                    "verify`, or lower training.learning_rate and --resume"
                )
        self._pending.clear()
        return {
            name: float(column[~column.isnan()].mean())
            for name, column in columns.items()
            if not column.isnan().all()
        }

    def save(self) -> None:
        """Write a checkpoint of where it stands, from which `resume` goes on."""
        folder, model = self.out / CHECKPOINTS, self.recipe.model
        checkpoint.save(folder, self.position, model, self.network, self.objective, self.optimizer)

    def _picture_is_due(self, epoch: int) -> bool:
        training = self.recipe.training
        return epoch % training.picture_every == 0 or epoch + 1 == training.epochs
