"""Pre-training runs for evaluations to start from: made, not trained."""

import os

import torch

from pcrl.config import load_recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.selection.select import select
from pcrl.models.volumes.nsunet import build
from pcrl.models.weights.folder import save_weights
from pcrl.training.records import run_folder
from tests.helpers import patients

MODEL = patients.RECIPE.model
RESTORATION = ["objective.global_cosine=0", "objective.local_cosine=0"]
COMPARISON = ["objective.restoration=0", "objective.mid_restoration=0"]
FRESH = run_folder.Start("fresh", fresh=True)


def recipe(*changes):
    """That of the tests, changed."""
    return load_recipe("pcrlv2-3d", [*patients.TINY, *changes])


def make(lits, out, age, settings=patients.RECIPE, finished=True):
    """A run of `settings` on the training patients of `lits`, the newer the smaller its `age`; its checkpoint."""
    run_folder.create(out, settings, select(Cache(lits.folder.parent), ("lits",), settings), FRESH)
    torch.manual_seed(age)
    weights = out / run_folder.CHECKPOINTS / "epoch-0001-step-000000"
    weights.mkdir(parents=True)
    save_weights(weights, settings.model, build(settings.model).state_dict(), {"epoch": 1, "step": 0})
    if finished:
        (out / run_folder.FINISHED).write_text("{}")
    os.utime(out / run_folder.RUN, (2e9 - age, 2e9 - age))
    return weights
