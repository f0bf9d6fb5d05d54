"""Pre-training, top to bottom: batches in, steps, what is logged, checkpoints out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import SGD

from pcrl.config import Recipe
from pcrl.engine.loading.batch import Batch
from pcrl.engine.loading.order import Order
from pcrl.engine.loading.ring import Ring
from pcrl.engine.seen import Selection
from pcrl.files import write_text
from pcrl.kernels.streams import Draws, stream
from pcrl.models.images.inputs import UNIT, from_network, to_network
from pcrl.models.networks import Network, build
from pcrl.models.outputs import Outputs
from pcrl.models.precision import autocast, float32
from pcrl.models.weights.folder import Weights, load_into
from pcrl.training import checkpoint
from pcrl.training.checkpoint import Position
from pcrl.training.log import Log
from pcrl.training.objective import Terms, ViewOutputs, forward_views, number_of_picks, objective
from pcrl.training.picture import save_views
from pcrl.training.run_folder import CHECKPOINTS, FINISHED

LEVELS = 1 << 33
"""Word that sets the stream of level picks apart from those of samples and order."""


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


def learning_rate(epoch: int, recipe: Recipe) -> float:
    """Cosine from the recipe's rate to 0, one value an epoch."""
    training = recipe.training
    return training.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / training.epochs))


def picks_of(seed: int, step: int, local_views: int, levels: int) -> list[int]:
    """The random pyramid levels of a step, as the objective wants them."""
    draws = Draws(stream(stream(seed, LEVELS), step))
    return [draws.integer(0, levels - 1) for _ in range(number_of_picks(local_views))]


def initial_model(recipe: Recipe, weights: Weights | None) -> Network:
    """The network with seeded fresh weights, with given ones, or with a given encoder and the rest fresh.

    Raises:
        pcrl.models.weights.published.WeightsError: the weights are not those of the recipe's network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed % 2**63)
        model = build(recipe.model)
    if weights is not None:
        load_into(model, weights)
    return model


def seconds_per_step(recipe: Recipe, device: torch.device) -> float:
    """Time of a step, from one with two samples on a network of the same size."""
    model = build(recipe.model).to(device).train()
    channels = model.in_channels
    views = torch.rand(2, 2, channels, *recipe.views.global_shape, device=device)
    local_views = torch.rand(recipe.views.locals, 2, channels, *recipe.views.local_shape, device=device)
    picks = [0] * number_of_picks(recipe.views.locals)
    times = []
    for _ in range(2):
        started = time.perf_counter()
        with autocast(device):
            outputs = forward_views(model, views, local_views, 0)
        objective(_in_float32(outputs), views[0], picks, 0, 1, recipe.objective).total.backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return min(times) * recipe.training.batch_size / 2


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
        self.model = initial_model(recipe, weights).to(device).train()
        # A third faster on CPUs too.
        last = torch.channels_last if recipe.dimensions == 2 else torch.channels_last_3d
        self.model = self.model.to(memory_format=last)  # type: ignore[call-overload]
        self.optimizer = SGD(
            self.model.parameters(),
            lr=training.learning_rate,
            momentum=training.momentum,
            weight_decay=training.weight_decay,
        )
        self._unit = UNIT if recipe.dimensions == 2 else 1.0
        self.position = Position(0, 0)
        self.stop = False
        self.fallbacks = 0
        self._pending: list[tuple[int, list[str], Tensor]] = []
        if resume and (found := checkpoint.checkpoints(out / CHECKPOINTS)):
            self.position = checkpoint.load(found[-1], self.model, self.optimizer)

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
            allocate=_pinned if self.device.type == "cuda" else None,
        )
        since, waited = time.perf_counter(), 0.0
        try:
            with loader:
                for batch in loader:
                    outputs = self._step(batch)
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
                                "learning_rate": learning_rate(batch.epoch, self.recipe),
                                "samples_per_second": rate,
                                "waiting": progress.waiting,
                                "fallbacks": self.fallbacks,
                            },
                        )
                        show(progress)
                        since, waited = now, waiting
                    if last and self._wants_picture(batch.epoch):
                        self._picture(batch, outputs)
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

    def _step(self, batch: Batch) -> ViewOutputs:
        """Forward, loss, backward, update; nothing here waits for the device."""
        recipe = self.recipe
        number = batch.epoch * self.order.steps + batch.step
        levels = self.model.decoder_levels
        picks = picks_of(recipe.training.seed, number, recipe.views.locals, levels)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(batch.epoch, recipe)
        views, target, local_views = self._inputs(batch)
        with autocast(self.device):
            outputs = forward_views(self.model, views, local_views, picks[0])
        with float32(self.device):
            terms = objective(
                _in_float32(outputs), target, picks, batch.epoch, recipe.training.epochs, recipe.objective
            )
        self.optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        self.optimizer.step()
        self.fallbacks += batch.fallbacks
        self._pending.append(
            (number + 1, batch.cases, _diagnostics(terms, outputs, target, picks[0], self._unit))
        )
        return outputs

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Global views, target and local views on the device, as the network takes them."""
        wanted = None if self.recipe.objective.local_cosine else 0
        views, target, local_views = (
            self._to_device(array) for array in (batch.globals, batch.target, batch.locals[:wanted])
        )
        if self.recipe.dimensions == 3:
            return views, target, local_views
        holes = torch.from_numpy(batch.holes).to(self.device)
        return (
            to_network(views.flatten(0, 1), holes.flatten(0, 1)).unflatten(0, views.shape[:2]),
            to_network(target, None),
            to_network(local_views.flatten(0, 1), None).unflatten(0, local_views.shape[:2]),
        )

    def _to_device(self, array: NDArray[np.float32]) -> Tensor:
        # Blocking: when it returns the slot may be filled again.
        return torch.from_numpy(array).to(self.device)

    def _flush(self) -> dict[str, float]:
        """Means of the steps since the last call; the one place that waits for the device."""
        if not self._pending:
            return {}
        values = torch.stack([row for _, _, row in self._pending]).cpu().double()
        for (step, cases, _), row in zip(self._pending, values, strict=True):
            if not math.isfinite(row[0]):
                found = checkpoint.checkpoints(self.out / CHECKPOINTS)
                raise TrainingError(
                    f"the loss of step {step} is {row[0].item()}; cases in the batch: {', '.join(sorted(set(cases)))}. "
                    f"Last good checkpoint: {found[-1] if found else 'none yet'}. Check these cases with `pcrl cache "
                    "verify`, or lower training.learning_rate and --resume"
                )
        names = _names(self.model.decoder_levels)
        means = {
            name: float(column[~column.isnan()].mean())
            for name, column in zip(names, values.T, strict=True)
            if not column.isnan().all()
        }
        means["steps"] = len(self._pending)
        self._pending.clear()
        return means

    def _save(self) -> None:
        checkpoint.save(self.out / CHECKPOINTS, self.position, self.recipe.model, self.model, self.optimizer)

    def _wants_picture(self, epoch: int) -> bool:
        training = self.recipe.training
        return epoch % training.picture_every == 0 or epoch + 1 == training.epochs

    def _picture(self, batch: Batch, outputs: ViewOutputs) -> None:
        restored = outputs.first.restored.detach().float().cpu()
        corrupted = torch.from_numpy(batch.globals[0])
        if self.recipe.dimensions == 2:
            # With the holes, which come on the device.
            corrupted = from_network(to_network(corrupted, torch.from_numpy(batch.holes[0])))
            restored = from_network(restored)
        path = self.out / "pictures" / f"epoch-{batch.epoch + 1:04d}.png"
        title = f"after epoch {batch.epoch + 1}"
        save_views(path, batch.target, corrupted.numpy(), restored.numpy(), title)


def _names(levels: int) -> list[str]:
    return [
        "loss", "restoration", "global_cosine", "local_cosine", "mid_restoration", "psnr",
        *(f"psnr_level_{level}" for level in range(levels)),
        *(f"spread_level_{level}" for level in range(levels)),
    ]  # fmt: skip


def _diagnostics(terms: Terms, outputs: ViewOutputs, target: Tensor, level: int, unit: float) -> Tensor:
    """Terms, PSNR of each restoration (NaN for levels not restored) and spread of each level's projections.

    The spread is the standard deviation over the batch of the normalised projections, times √C: near 1 when they
    point everywhere, 0 when all are one (collapse).

    Args:
        unit: what 1 in the target is in the [0, 1] of the pixels, on which PSNR is defined.
    """
    with torch.no_grad():
        first = outputs.first
        missing = torch.full((), math.nan, device=target.device)
        psnr = [missing] * len(first.projections)
        psnr[level] = _psnr(first.mids[level], target, unit)
        spreads = []
        for z in first.projections:
            directions = torch.nn.functional.normalize(z.float())
            spreads.append(directions.std(dim=0).mean() * math.sqrt(z.shape[1]))
        values = [
            terms.total, terms.restoration, terms.global_cosine, terms.local_cosine, terms.mid_restoration,
            _psnr(first.restored, target, unit), *psnr, *spreads,
        ]  # fmt: skip
        return torch.stack([value.detach().float() for value in values])


def _psnr(restored: Tensor, target: Tensor, unit: float) -> Tensor:
    return -10 * torch.log10(torch.nn.functional.mse_loss(restored.float(), target) * unit**2)


def _in_float32(outputs: ViewOutputs) -> ViewOutputs:
    """Cosines and squared errors are taken in float32 whatever the network computed in."""

    def convert(one: Outputs) -> Outputs:
        return Outputs(
            one.restored.float(),
            [z.float() for z in one.projections],
            [p.float() for p in one.predictions],
            {level: mid.float() for level, mid in one.mids.items()},
        )

    together = convert(outputs.locals) if outputs.locals is not None else None
    return ViewOutputs(convert(outputs.first), convert(outputs.second), together)


def _pinned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Page-locked memory, from which a copy to the GPU needs no detour."""
    array: NDArray[np.float32] = torch.empty(shape, dtype=torch.float32, pin_memory=True).numpy()
    return array
