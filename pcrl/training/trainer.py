"""Pre-training, top to bottom: batches in, steps, what is logged, checkpoints out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch

from pcrl.config import Recipe, RecipeError
from pcrl.engine.batch import Batch
from pcrl.engine.loading.loader import Loader
from pcrl.engine.selection.selection import Selection
from pcrl.files import save_record
from pcrl.kernels.streams import stream
from pcrl.models.networks import Network, build, placed
from pcrl.models.weights.folder import Weights, load_into
from pcrl.training.feeding.feed import feed_of, pinned
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Objective, Views
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.progress import StepReport
from pcrl.training.ranks.exchange import Exchange
from pcrl.training.ranks.norms import NORMS, share_norms
from pcrl.training.ranks.world import ALONE, World
from pcrl.training.records import checkpoint
from pcrl.training.records.checkpoint import Position, trained
from pcrl.training.records.log import Log
from pcrl.training.records.picture import save_pictures
from pcrl.training.records.run_folder import CHECKPOINTS, FINISHED, PICTURES, Totals
from pcrl.training.stepping.allocation import memory_kept
from pcrl.training.stepping.compiled import forward_of
from pcrl.training.stepping.memory import LEAST
from pcrl.training.stepping.profile import Profile
from pcrl.training.stepping.reproducible import kernels
from pcrl.training.stepping.step import Done, Stepper
from pcrl.training.tally import Tally
from pcrl.training.watch import FaultError, Watch

STEPS = 1 << 33
"""Word that sets the stream of the steps' keys apart from those of samples and order."""


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says where, and what to do."""


class StepFaultError(TrainingError):
    """A step that no weights should have taken. It may go on from the last checkpoint without it."""

    def __init__(self, fault: FaultError, advice: str) -> None:
        super().__init__(f"{fault}. {advice}")
        self.fault = fault


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
    """One run. `stopping` may be set at any time, by a signal too: the run is then saved and ended after the step that
    is under way, of several processes a few steps later.

    Of several processes each has a trainer; the first writes what there is once.

    Args:
        selection: what to train on, with the recipe.
        out: the run folder, made by `run_folder.create`.
        weights: to start from, of the network or of its encoder; what they do not hold is fresh.
        resume: go on from the last checkpoint in `out`.
        world: all processes that train together.
        profile: leave a trace of some steps in `out`.
        skip: steps that are left out, counted from 1 over the whole run; those of the checkpoint, too.
        note: is told what a user should know.

    Raises:
        RecipeError: what the recipe asks for cannot be done, on several processes or on this machine.
        LoaderError: nothing to train on, less than a batch, or a batch that the processes cannot share evenly.
    """

    def __init__(
        self,
        selection: Selection,
        out: Path,
        device: torch.device,
        *,
        weights: Weights | None = None,
        resume: bool = False,
        world: World = ALONE,
        profile: bool = False,
        skip: Iterable[int] = (),
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        recipe, training = selection.recipe, selection.recipe.training
        self.recipe, self.selection, self.out, self.device, self.world = recipe, selection, out, device, world
        network, objective = initial_state(recipe, weights)
        _require_parts(recipe, objective, world)
        self.network = placed(network, device)
        self.network.recompute = training.recompute
        self.objective = objective.to(device).train()
        self.readings = self.objective.readings()
        parameters = [parameter for _, parameter in trained(self.network, self.objective)]
        self.optimizer = build_optimizer(parameters, training)
        self.position = Position(0, 0)
        # The first tells which is the last: a file system may show it to others later.
        saved = world.first_does(lambda: checkpoint.last_whole(out / CHECKPOINTS)) if resume else None
        if saved is not None:
            self.position = checkpoint.load(saved, self.network, self.objective, self.optimizer)
        if world.size > 1 and training.norms != "local":
            kinds = NORMS if training.norms == "all" else (torch.nn.BatchNorm1d,)
            for module in (self.network, self.objective):
                share_norms(module, kinds)
        self.exchange = Exchange(world, parameters, (self.network, self.objective))
        forward = forward_of(self.objective, training, device, note)
        self._stepper = Stepper(
            self.network, self.objective, self.optimizer, training, self.exchange, device, forward
        )
        self.loader = Loader(
            selection,
            start=(self.position.epoch, self.position.step),
            threads=training.loader_threads,
            allocate=pinned if device.type == "cuda" else None,
            share=(world.rank, world.size, world.local_rank, world.local_size),
        )
        self._profile = Profile(out, device, note) if profile and world.is_first else None
        self.stopping = threading.Event()
        place = self.position
        watch = Watch(training.spike, place.norms, note)
        self.tally = Tally(list(self.readings), self.exchange, place.fallbacks, place.unlogged, watch)
        self.skipped = frozenset([*place.skipped, *skip])

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.loader.steps * self.recipe.training.epochs

    @property
    def steps_done(self) -> int:
        """So far, those before a resume included."""
        return self.position.epoch * self.loader.steps + self.position.step

    def run(self, show: Callable[[StepReport], None]) -> bool:
        """Train to the end, or until `stopping` is set.

        Returns:
            Whether the run is finished.

        Raises:
            StepFaultError: a loss or a gradient became NaN, infinite or a spike; names the step, its cases and the last
                good checkpoint.
            TrainingError: weights that cannot be saved, as they are not finite.
            torch.OutOfMemoryError: the device has too little memory.
        """
        training = self.recipe.training
        log = Log(self.out, self.steps_done) if self.world.is_first else None
        feed = feed_of(self.loader, self.device, self.objective.uses_locals)
        since = saved = time.perf_counter()
        try:
            with kernels(training.deterministic, self.device), memory_kept(self.device):
                for batch, views in feed:
                    ended = batch.step + 1 == self.loader.steps
                    done = self._step(batch, views, ended and self._picture_is_due(batch.epoch))
                    self.position = Position(batch.epoch, batch.step + 1)
                    logs = (self.steps_done % training.log_every == 0 or ended) and self.tally.pending > 0
                    if logs:
                        report = self._report(batch, since, feed.waiting)
                        since = time.perf_counter()
                        if log is not None:
                            log.write(report, self.tally.fallbacks)
                        show(report)
                    if done is not None and done.pictures is not None:
                        path = self.out / PICTURES / f"epoch-{batch.epoch + 1:04d}.png"
                        save_pictures(path, done.pictures, f"after epoch {batch.epoch + 1}")
                    if ended:
                        self.position = Position(batch.epoch + 1, 0)
                    # One alone stops at once, even if it was asked to while a report was shown.
                    stops = done.stop if done is not None and self.world.size > 1 else self.stopping.is_set()
                    late = time.perf_counter() - saved > 60 * training.checkpoint_minutes
                    if stops and self.steps_done < self.steps:
                        # All are done with it before any of them ends.
                        self.tally.collect()
                        self.world.first_does(self.save)
                        return False
                    if (ended and self._checkpoint_is_due()) or (logs and late):
                        self.save()
                        saved = time.perf_counter()
        except FaultError as error:
            raise StepFaultError(error, self._advice()) from error
        finally:
            if log is not None:
                log.close()
            if self._profile is not None:
                self._profile.close()
        if self.world.is_first:
            totals = Totals(steps=self.steps_done, fallbacks=self.tally.fallbacks)
            save_record(totals, self.out / FINISHED)
        return True

    def save(self) -> None:
        """Write a checkpoint of where it stands, from which `resume` goes on. Only the first process does.

        Raises:
            TrainingError: gradients are not finite any more, and so will the weights be.
        """
        if not self.world.is_first:
            return
        if not bool(self.exchange.gradients.values.isfinite().all()):
            raise TrainingError(f"gradients of step {self.steps_done} are not finite. {self._advice()}")
        folder, model = self.out / CHECKPOINTS, self.recipe.model
        tally = self.tally
        self.position = replace(
            self.position,
            fallbacks=tally.fallbacks,
            unlogged=tally.unlogged,
            norms=tally.watch.recent,
            skipped=tuple(sorted(self.skipped)),
        )
        checkpoint.save(folder, self.position, model, self.network, self.objective, self.optimizer)

    def last_checkpoint(self) -> Path | None:
        """The last one of the run; none yet in its first epoch."""
        return next(reversed(checkpoint.checkpoints(self.out / CHECKPOINTS)), None)

    def _step(self, batch: Batch, views: Views, pictures: bool) -> Done | None:
        """One step; none if it is left out."""
        training, steps = self.recipe.training, self.loader.steps
        number = batch.epoch * steps + batch.step
        if number + 1 in self.skipped:
            return None
        keys = Keys(step_key(training.seed, number), batch.keys)
        moment = Moment(batch.epoch, training.epochs, batch.step, steps)
        done = self._stepper.step(views, keys, moment, self.stopping.is_set(), pictures)
        self.tally.add(number + 1, batch, done.values, done.norm)
        if self._profile is not None:
            self._profile.step()
        return done

    def _report(self, batch: Batch, since: float, waiting: Callable[[], float]) -> StepReport:
        """What is told of the steps since the last time."""
        steps = self.tally.pending
        self.tally.collect()
        seconds = (time.perf_counter() - since) / steps
        return StepReport(
            epoch=batch.epoch + 1,
            step=self.steps_done,
            steps=self.steps,
            scalars=self.tally.means(),
            learning_rate=self.optimizer.param_groups[0]["lr"],
            samples_per_second=self.recipe.training.batch_size / seconds,
            seconds_per_step=seconds,
            waiting=waiting(),
        )

    def _advice(self) -> str:
        saved = self.last_checkpoint()
        return (
            f"Last good checkpoint: {saved or 'none yet'}. Check the cases with `pcrl cache verify`, or lower "
            "training.learning_rate and start again, from there with --init"
        )

    def _picture_is_due(self, epoch: int) -> bool:
        training = self.recipe.training
        return self.world.is_first and (epoch % training.picture_every == 0 or epoch + 1 == training.epochs)

    def _checkpoint_is_due(self) -> bool:
        training, epoch = self.recipe.training, self.position.epoch
        return epoch % training.checkpoint_epochs == 0 or epoch == training.epochs


def _require_parts(recipe: Recipe, objective: Objective, world: World) -> None:
    """Raise `RecipeError` where a batch cannot be trained in parts."""
    training = recipe.training
    parts = world.size * training.accumulate
    if parts == 1:
        return
    if not objective.mean_over_samples:
        raise RecipeError(
            f"the objective {recipe.objective.name} compares the samples of a batch with each other: train it on one "
            "process, with training.accumulate=1"
        )
    if training.batch_size % parts or training.batch_size // parts < LEAST:
        raise RecipeError(
            f"training.batch_size = {training.batch_size} in {world.size} processes × training.accumulate = "
            f"{training.accumulate}: expected parts that are alike, of at least {LEAST} samples each"
        )
