"""Published 3D checkpoints: read without executing them, turned to our axes, written back."""

import argparse
import json
import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from pcrl.models.volumes.nsunet import NsUNet3D
from pcrl.models.weights.names.volumes import network, ours
from pcrl.models.weights.published import WeightsError, read_published, to_published
from tests.helpers.golden_weights import fill

ROOT = Path(__file__).parents[3]
KEYS = json.loads((ROOT / "tests/golden/pcrlv2_3d.json").read_text(encoding="utf-8"))["keys"]


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
    assert network().names == {name: ours(name) for name in KEYS}
    assert set(network().names.values()) == NsUNet3D().state_dict().keys()


def test_round_trip(checkpoint, state):
    for axes in ("zyx", "xyz"):
        found = read_published(checkpoint, axes)
        assert (found.epoch, found.part, found.origin) == (240, "network", "published 3D network")
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
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(Malicious(trap), protocol=2))
    for name in ("bad.pt", "raw.pt"):
        with pytest.raises(WeightsError, match="execute code"):
            read_published(tmp_path / name)
        assert not trap.exists()


def test_other_files_are_refused(tmp_path, checkpoint, state):
    def refused(content, named):
        path = tmp_path / "x.pt"
        torch.save(content, path)
        with pytest.raises(WeightsError, match=named) as caught:
            read_published(path)
        assert str(path) in str(caught.value)

    refused({"state_dict": {**state, "extra.weight": torch.zeros(1)}}, "unknown: extra.weight")
    refused(
        {"state_dict": {n: v for n, v in state.items() if "out_tr" not in n}},
        r"missing: out_tr.final_conv.weight, out_tr.final_conv.bias\.",
    )
    refused(
        {"state_dict": {**state, "out_tr.final_conv.bias": torch.zeros(3)}},
        r"bias \(torch.float32, \(3,\) instead of \(1,\)\)",
    )
    refused({ours(name): value for name, value in state.items()}, "unknown: encoder.levels.0")
    refused({**state, "out_tr.final_conv.bias": torch.zeros(1).to_sparse()}, "of the wrong type")
    refused({**state, "out_tr.final_conv.bias": torch.zeros(1, dtype=torch.complex64)}, "of the wrong type")
    refused({}, "missing: .* and 164 more")
    refused([1, 2], "no weights")
    refused({1: torch.zeros(1)}, "no weights")
    os.truncate(checkpoint, 1000)
    with pytest.raises(WeightsError, match=r"published\.pt"):
        read_published(checkpoint)
    with pytest.raises(WeightsError, match="no such file"):
        read_published(tmp_path / "none.pt")


# Of torch, of a flipped bit where the protocol stands.
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [True, False])
def test_damage_is_told_and_never_a_crash(tmp_path, zipped):
    path, chance = tmp_path / "x.pt", random.Random(0)
    content = {"opt": argparse.Namespace(d=3), "state_dict": {"a": torch.zeros(2)}, "epoch": 1}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    damaged = [b"", b"hello", *(whole[: chance.randrange(len(whole))] for _ in range(20))]
    for _ in range(60):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"x\.pt: "):
            read_published(path)


def test_file_of_an_old_torch(tmp_path, state):
    path = tmp_path / "old.pt"
    torch.save({"state_dict": state, "epoch": 3}, path, _use_new_zipfile_serialization=False)
    assert read_published(path).epoch == 3


@pytest.mark.parametrize("settings", [{"width": 32}, {"levels": 3}, {"levels": 5}, {"head": "paper"}])
def test_other_networks_are_not_exported(settings):
    with torch.device("meta"):
        weights = NsUNet3D(**settings).state_dict()
    with pytest.raises(WeightsError, match="not the published 3D network"):
        to_published(weights)


def test_bare_state_dict_of_a_parallel_model(tmp_path, state):
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "bare.pt")
    assert read_published(tmp_path / "bare.pt").epoch is None
