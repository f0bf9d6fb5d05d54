"""Pre-training through the real engine: loader, trainer, checkpoints; killed, it goes on."""

from __future__ import annotations

from pathlib import Path

import torch

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.selection.select import select
from pcrl.evaluation.arms.arm import State
from pcrl.models.weights.folder import load_weights
from pcrl.training.records import run_folder
from pcrl.training.records.checkpoint import checkpoints
from pcrl.training.trainer import Trainer, initial_state


def pretrain(cache: Cache, dataset: str, recipe: VolumeRecipe, out: Path, device: torch.device) -> State:
    """Pre-train on a data set of the cache; done before, it is only read.

    Returns:
        The weights of the whole network, on the CPU.
    """
    selection = select(cache, (dataset,), recipe)
    if not run_folder.is_finished(out):
        resume = (out / run_folder.RUN).exists()
        if not resume:
            run_folder.create(out, recipe, selection, run_folder.Start("fresh weights", fresh=True))
        trainer = Trainer(selection, out, device, resume=resume)
        trainer.run(lambda _: None)
    return load_weights(checkpoints(out / run_folder.CHECKPOINTS)[-1]).state


def random_state(recipe: VolumeRecipe, seed: int) -> State:
    """Fresh weights, as pre-training begins with."""
    settings = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": seed})})
    return {name: value.clone() for name, value in initial_state(settings, None)[0].state_dict().items()}
