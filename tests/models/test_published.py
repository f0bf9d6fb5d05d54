"""Published checkpoints: read without executing them, turned to our axes, written back."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from weights import fill

from pcrl.models.nsunet3d import NsUNet3D
from pcrl.models.published import WeightsError, published_names, read_published, to_published
from pcrl.models.weights import load_weights, save_weights

ROOT = Path(__file__).parents[2]
KEYS = json.loads((ROOT / "tests/golden/pcrlv2_3d.json").read_text())["keys"]


@pytest.fixture(scope="module")
def state():
    return {name: torch.from_numpy(value) for name, value in fill(KEYS).items()}


@pytest.fixture
def checkpoint(tmp_path, state):
    path = tmp_path / "published.pt"
    content = {
        "opt": argparse.Namespace(d=3, lr=1e-3),
        "state_dict": state,
        "optimizer": {"state": {}},
        "epoch": 240,
    }
    torch.save(content, path)
    return path


def test_names_are_those_of_the_published_network():
    assert sorted(published_names()) == sorted(KEYS)


def test_round_trip(checkpoint, state):
    for axes in ("zyx", "xyz"):
        found = read_published(checkpoint, axes)
        assert found.epoch == 240
        back = to_published(found.weights, axes)
        assert back.keys() == state.keys()
        assert all(torch.equal(back[name], state[name]) for name in state)


@torch.no_grad()
def test_reversed_axes_give_the_network_of_the_transposed_scan(checkpoint):
    x = torch.from_numpy(np.random.default_rng(0).random((1, 1, 16, 8, 24), np.float32))
    restored = []
    for axes, view in (("xyz", x), ("zyx", x.permute(0, 1, 4, 3, 2))):
        model = NsUNet3D().eval()
        model.load_state_dict(read_published(checkpoint, axes).weights)
        restored.append(model(view).restored)
    torch.testing.assert_close(restored[0].permute(0, 1, 4, 3, 2), restored[1])


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_malicious_pickle_is_refused_and_not_executed(tmp_path, state):
    trap = tmp_path / "executed"
    torch.save({"opt": Malicious(trap), "state_dict": state}, tmp_path / "bad.pt")
    with pytest.raises(WeightsError, match="execute code"):
        read_published(tmp_path / "bad.pt")
    assert not trap.exists()


def test_other_files_are_refused(tmp_path, checkpoint, state):
    def refused(content, named):
        path = tmp_path / "x.pt"
        torch.save(content, path)
        with pytest.raises(WeightsError, match=named) as caught:
            read_published(path)
        assert str(path) in str(caught.value)

    refused({"state_dict": {**state, "extra.weight": torch.zeros(1)}}, "unknown tensor extra.weight")
    refused({"state_dict": {n: v for n, v in state.items() if "out_tr" not in n}}, "2 tensors are missing")
    refused({"state_dict": {**state, "out_tr.final_conv.bias": torch.zeros(3)}}, r"has shape \(3,\)")
    refused({"conv1.weight": torch.zeros(1)}, "2D network")
    refused([1, 2], "no weights")
    os.truncate(checkpoint, 1000)
    with pytest.raises(WeightsError, match=r"published\.pt"):
        read_published(checkpoint)
    with pytest.raises(WeightsError, match="no such file"):
        read_published(tmp_path / "none.pt")


def test_bare_state_dict_of_a_parallel_model(tmp_path, state):
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "bare.pt")
    assert read_published(tmp_path / "bare.pt").epoch is None


def test_weights_folder_round_trip_and_damage(tmp_path):
    model = NsUNet3D(width=4, levels=2)
    settings = load_settings(width=4, levels=2)
    save_weights(tmp_path / "w", settings, model.state_dict(), {"epoch": 3})
    found = load_weights(tmp_path / "w")
    assert (found.model, found.source) == (settings, {"epoch": 3})
    assert all(torch.equal(found.state[name], value) for name, value in model.state_dict().items())
    os.truncate(tmp_path / "w/weights.safetensors", 100)
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(tmp_path / "w")
    with pytest.raises(WeightsError, match="is missing"):
        load_weights(tmp_path)


def load_settings(**values):
    from pcrl.config import Model

    return Model(**values)


def test_command(checkpoint, tmp_path):
    def call():
        return subprocess.run(
            [sys.executable, "-m", "pcrl", "import-weights", str(checkpoint), "--to", str(tmp_path / "w")],
            capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip

    done = call()
    assert done.returncode == 0, done.stderr
    assert "epoch 240" in done.stdout
    assert load_weights(tmp_path / "w").source["axes"] == "zyx"
    assert "not empty" in call().stderr
