"""The network and the objective give the published network's numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from weights import fill, inputs

from pcrl.config import Objective
from pcrl.models.nsunet3d import NsUNet3D
from pcrl.models.published_names import ours
from pcrl.training.objective import forward_views, objective

GOLDEN = Path(__file__).parents[1] / "golden"
META = json.loads((GOLDEN / "pcrlv2_3d.json").read_text())
ARRAYS = np.load(GOLDEN / "pcrlv2_3d.npz")


def network(dtype):
    # The golden arrays are (x, y, z), and so are the weights: the network knows no axes.
    state = {ours(name): torch.from_numpy(value) for name, value in fill(META["keys"], META["salt"]).items()}
    model = NsUNet3D()
    model.load_state_dict(state)
    return model.to(dtype)


def data(dtype):
    first, second, target, local_views = inputs(META)
    views = torch.from_numpy(np.stack([first, second])).to(dtype)
    return views, torch.from_numpy(target).to(dtype), torch.from_numpy(np.stack(local_views)).to(dtype)


def close(ours, golden):
    ours = ours.numpy()
    assert ours.shape == golden.shape
    assert np.linalg.norm(ours - golden) <= 1e-5 * np.linalg.norm(golden)


def terms_of(model, dtype):
    views, target, local_views = data(dtype)
    outputs = forward_views(model, views, local_views, META["picks"][0])
    return objective(outputs, target, META["picks"], META["epoch"], 240, Objective())


@torch.no_grad()
def test_every_array_in_eval_mode():
    model = network(torch.float32).eval()
    views, _, local_views = data(torch.float32)
    outputs = model(views[0], restore=(0, 1, 2))
    together = model(local_views.flatten(0, 1))
    close(outputs.restored, ARRAYS["restored"])
    for level in range(3):
        close(outputs.projections[level], ARRAYS[f"z{level}"])
        close(outputs.predictions[level], ARRAYS[f"p{level}"])
        close(outputs.mids[level], ARRAYS[f"mid{level}"])
        close(together.projections[level], ARRAYS[f"local_z{level}"])
        close(together.predictions[level], ARRAYS[f"local_p{level}"])


@torch.no_grad()
def test_losses_in_eval_mode():
    terms = terms_of(network(torch.float32).eval(), torch.float32)
    for name, golden in META["eval"].items():
        assert abs(getattr(terms, name).item() - golden) <= 1e-5 * max(1, abs(golden)), name


def test_losses_gradients_and_statistics_in_train_mode():
    model = network(torch.float64).train()
    terms = terms_of(model, torch.float64)
    for name, golden in META["train"].items():
        assert getattr(terms, name).item() == pytest.approx(golden, rel=1e-6), name
    terms.total.backward()
    parameters = dict(model.named_parameters())
    for name, golden in META["grad_norm"].items():
        gradient = parameters[ours(name)].grad
        if golden is None:
            assert gradient is None, name
        elif golden < 1e-9:
            assert float(gradient.norm()) < 1e-8, name
        else:
            assert float(gradient.norm()) == pytest.approx(golden, rel=1e-6), name
    buffers = dict(model.named_buffers())
    after = [name for name in ARRAYS.files if name.startswith("after_train/")]
    assert after
    for name in after:
        found = buffers[ours(name.removeprefix("after_train/"))].numpy()
        assert np.linalg.norm(found - ARRAYS[name]) <= 1e-6 * np.linalg.norm(ARRAYS[name]), name
