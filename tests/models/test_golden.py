"""The networks and the objective give the published networks' numbers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from pcrl.config import load_recipe
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.volumes.nsunet import NsUNet3D
from pcrl.models.weights.names import images as published_names2d
from pcrl.models.weights.names import volumes as published_names3d
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Moment, Views
from tests.helpers.golden_weights import fill, inputs

FOLDER = Path(__file__).parents[1] / "golden"


@dataclass
class Golden:
    meta: dict
    arrays: dict
    names: ModuleType
    build: Callable[[], nn.Module]
    recipe: str

    def network(self, dtype):
        # The golden arrays are (x, y, z), and so are the weights: the network knows no axes.
        values = fill(self.meta["keys"], self.meta["salt"])
        model = self.build()
        model.load_state_dict(
            {self.names.ours(name): torch.from_numpy(value) for name, value in values.items()}
        )
        return model.to(dtype)

    def data(self, dtype):
        first, second, target, local_views = inputs(self.meta)
        views = torch.from_numpy(np.stack([first, second])).to(dtype)
        return views, torch.from_numpy(target).to(dtype), torch.from_numpy(np.stack(local_views)).to(dtype)

    def terms(self, model, dtype):
        views, target, local_views = self.data(dtype)
        picks = self.meta["picks"]
        objective = build_objective(load_recipe(self.recipe), model)
        views, draws = Views(views, target, local_views), {"levels": picks}
        loss = objective.loss(objective(model, views, draws), views, draws, Moment(self.meta["epoch"], 240))
        return loss.scalars | {"total": loss.total}


@pytest.fixture(scope="module", params=["2d", "3d"])
def golden(request):
    names, build = {"2d": (published_names2d, NsUNet2D), "3d": (published_names3d, NsUNet3D)}[request.param]
    meta = json.loads((FOLDER / f"pcrlv2_{request.param}.json").read_text(encoding="utf-8"))
    arrays = dict(np.load(FOLDER / f"pcrlv2_{request.param}.npz"))
    return Golden(meta, arrays, names, build, f"pcrlv2-{request.param}")


def close(ours, golden, tolerance=1e-5):
    ours = ours.numpy()
    assert ours.shape == golden.shape
    assert np.linalg.norm(ours - golden) <= tolerance * np.linalg.norm(golden)


@torch.no_grad()
def test_every_array_in_eval_mode(golden):
    model, arrays = golden.network(torch.float32).eval(), golden.arrays
    views, _, local_views = golden.data(torch.float32)
    levels = range(model.decoder_levels)
    outputs = model(views[0], restore=tuple(levels))
    together = model(local_views.flatten(0, 1))
    found = {"restored": outputs.restored}
    for level in levels:
        found |= {
            f"z{level}": outputs.projections[level],
            f"p{level}": outputs.predictions[level],
            f"mid{level}": outputs.mids[level],
            f"local_z{level}": together.projections[level],
            f"local_p{level}": together.predictions[level],
        }
    assert found.keys() == {name for name in arrays if not name.startswith("after_train/")}
    for name, value in found.items():
        close(value, arrays[name])


@torch.no_grad()
def test_losses_in_eval_mode(golden):
    terms = golden.terms(golden.network(torch.float32).eval(), torch.float32)
    for name, value in golden.meta["eval"].items():
        assert abs(terms[name].item() - value) <= 1e-5 * max(1, abs(value)), name


@pytest.mark.slow
def test_losses_gradients_and_statistics_in_train_mode(golden):
    model = golden.network(torch.float64).train()
    terms = golden.terms(model, torch.float64)
    for name, value in golden.meta["train"].items():
        assert terms[name].item() == pytest.approx(value, rel=1e-6), name
    terms["total"].backward()
    parameters = dict(model.named_parameters())
    for name, value in golden.meta["grad_norm"].items():
        gradient = parameters[golden.names.ours(name)].grad
        if value is None:
            assert gradient is None, name
        elif value < 1e-9:
            assert float(gradient.norm()) < 1e-8, name
        else:
            assert float(gradient.norm()) == pytest.approx(value, rel=1e-6), name
    buffers = dict(model.named_buffers())
    prefix = "after_train/"
    after = {name: value for name, value in golden.arrays.items() if name.startswith(prefix)}
    assert after
    for name, value in after.items():
        close(buffers[golden.names.ours(name.removeprefix(prefix))], value, 1e-6)
