"""Pre-training, top to bottom: batches in, steps, what is logged, checkpoints out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pcrl.config import Recipe
from pcrl.engine.loading.batch import Batch
from pcrl.engine.loading.order import Order
from pcrl.engine.loading.ring import Ring
from pcrl.engine.seen import Selection
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
from pcrl.training.run_folder import CHECKPOINTS, FINISHED

STEPS = 1 << 33
"""Word that sets the stream of the steps' keys apart from those of samples and order."""


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says where, and what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is shown while a run goes on."""

    epoch: int
    step: int
    steps: int
    terms: dict[str, float]
    samples_per_second: float
    waiting: float
    """Share of the time since the last report spent waiting for data."""


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
        out: the run folder, made by `run_folder.create`.
        weights: to start from, of the network or of its encoder; what they do not hold is fresh.
        resume: go on from the last checkpoint in `out`.
    """

    def __init__(
        self,
        selection: Selection,
        recipe: Recipe,
        out: Path,
        device: torch.device,
        *,
        weights: Weights | None = None,
        resume: bool = False,
    ) -> None:
        training = recipe.training
        self.recipe, self.out, self.device = recipe, out, device
        self.renderer = selection.renderer()
        self.order = Order.of(self.renderer.groups, training)
        if self.order.steps == 0:
            raise TrainingError(
                f"{len(selection)} cases × {training.samples_per_case} samples do not fill one batch of "
                f"{training.batch_size}: set training.samples_per_case higher or training.batch_size lower"
            )
        self.selection = selection
        network, objective = initial_state(recipe, weights)
        # A third faster on CPUs too.
        last = torch.channels_last if recipe.dimensions == 2 else torch.channels_last_3d
        self.network = network.to(device).train().to(memory_format=last)  # type: ignore[call-overload]
        self.objective = objective.to(device).train()
        self.readings = self.objective.readings()
        self._trained = [parameter for _, parameter in trained(self.network, self.objective)]
        self.optimizer = build_optimizer(self._trained, training)
        self.position = Position(0, 0)
        self.stop = False
        self.fallbacks = 0
        self._pending: list[tuple[int, list[str], Tensor]] = []
        if resume and (found := checkpoint.checkpoints(out / CHECKPOINTS)):
            self.position = checkpoint.load(found[-1], self.network, self.objective, self.optimizer)

    def run(self, show: Callable[[Progress], None]) -> bool:
        """Train to the end, or until `stop` is set.

        Returns:
            Whether the run is finished.

        Raises:
            TrainingError: the loss became NaN or infinite; names the step, its cases and the last good checkpoint.
        """
        training, steps = self.recipe.training, self.order.steps
        log = Log(self.out, self._done())
        loader = Ring(
            self.renderer,
            self.order,
            threads=training.loader_threads,
            start=(self.position.epoch, self.position.step),
            allocate=pinned if self.device.type == "cuda" else None,
        )
        since, waited = time.perf_counter(), 0.0
        try:
            with loader:
                for batch in loader:
                    pictures = self._step(batch)
                    self.position = Position(batch.epoch, batch.step + 1)
                    last = self.position.step == steps
                    if self._done() % training.log_every == 0 or last:
                        values = self._flush()
                        now, waiting = time.perf_counter(), loader.times.wait_batch
                        rate = len(batch.cases) * values.pop("steps") / (now - since)
                        progress = Progress(
                            batch.epoch, self._done(), steps * training.epochs, values, rate,
                            (waiting - waited) / (now - since),
                        )  # fmt: skip
                        log.write(
                            self._done(),
                            values
                            | {
                                "epoch": batch.epoch,
                                "learning_rate": self.optimizer.param_groups[0]["lr"],
                                "samples_per_second": rate,
                                "waiting": progress.waiting,
                                "fallbacks": self.fallbacks,
                            },
                        )
                        show(progress)
                        since, waited = now, waiting
                    if pictures is not None:
                        path = self.out / "pictures" / f"epoch-{batch.epoch + 1:04d}.png"
                        save_pictures(path, pictures, f"after epoch {batch.epoch + 1}")
                    batch.release()
                    if last:
                        self.position = Position(batch.epoch + 1, 0)
                    if last or self.stop:
                        self._flush()
                        self._save()
                    if self.stop:
                        return False
        finally:
            log.close()
        write_text(
            self.out / FINISHED, json.dumps({"steps": self._done(), "fallbacks": self.fallbacks}) + "\n"
        )
        return True

    def _done(self) -> int:
        return self.position.epoch * self.order.steps + self.position.step

    def _step(self, batch: Batch) -> Mapping[str, Tensor] | None:
        """Forward, loss, backward, update; nothing here waits for the device.

        Returns:
            Pictures, after the last step of an epoch that asks for some.
        """
        training, objective, steps = self.recipe.training, self.objective, self.order.steps
        number, moment = batch.epoch * steps + batch.step, Moment(batch.epoch, training.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(training, batch.epoch, batch.step, steps)
        keys = Keys(step_key(training.seed, number), batch.keys)
        draws = on_device(objective.draw(keys), self.device)
        views = views_of(batch, self.device, objective.wants_locals)
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
        if batch.step + 1 == steps and self._wants_picture(batch.epoch):
            return objective.pictures(outputs, views, draws)
        return None

    def _flush(self) -> dict[str, float]:
        """Means of the steps since the last call; the one place that waits for the device."""
        if not self._pending:
            return {}
        values = torch.stack([row for _, _, row in self._pending]).cpu().double()
        for (step, cases, _), row in zip(self._pending, values, strict=True):
            loss = float(row[list(self.readings).index("loss")])
            if not math.isfinite(loss):
                found = checkpoint.checkpoints(self.out / CHECKPOINTS)
                raise TrainingError(
                    f"the loss of step {step} is {loss}; cases in the batch: {', '.join(sorted(set(cases)))}. "
                    f"Last good checkpoint: {found[-1] if found else 'none yet'}. Check these cases with `pcrl cache "
                    "verify`, or lower training.learning_rate and --resume"
                )
        means = {
            name: float(column[~column.isnan()].mean())
            for name, column in zip(self.readings, values.T, strict=True)
            if not column.isnan().all()
        }
        means["steps"] = len(self._pending)
        self._pending.clear()
        return means

    def _save(self) -> None:
        folder, model = self.out / CHECKPOINTS, self.recipe.model
        checkpoint.save(folder, self.position, model, self.network, self.objective, self.optimizer)

    def _wants_picture(self, epoch: int) -> bool:
        training = self.recipe.training
        return epoch % training.picture_every == 0 or epoch + 1 == training.epochs
