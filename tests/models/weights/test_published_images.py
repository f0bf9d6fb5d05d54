"""Published 2D weights and torchvision's resnet18: what a file is, what is read of it, what is refused."""

import argparse
import json
from pathlib import Path

import pytest
import torch

from pcrl.config import ImageModel
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.weights.names.images import network, ours
from pcrl.models.weights.published import IMAGENET, WeightsError, read_published, to_published
from tests.helpers.golden_weights import fill

ROOT = Path(__file__).parents[3]
KEYS = json.loads((ROOT / "tests/golden/pcrlv2_2d.json").read_text(encoding="utf-8"))["keys"]
PREFIX = "model.encoder."


@pytest.fixture(scope="module")
def state():
    return {name: torch.from_numpy(value) for name, value in fill(KEYS).items()}


@pytest.fixture(scope="module")
def resnet(state):
    return {name.removeprefix(PREFIX): v for name, v in state.items() if name.startswith(PREFIX)}


@pytest.fixture
def read(tmp_path):
    def saved_and_read(content, **options):
        torch.save(content, tmp_path / "x.pt", **options)
        return read_published(tmp_path / "x.pt")

    return saved_and_read


def classifier(outputs):
    return {"fc.weight": torch.zeros(outputs, 512), "fc.bias": torch.zeros(outputs)}


def test_names_are_those_of_the_published_network():
    assert network().names == {name: ours(name) for name in KEYS}
    assert set(network().names.values()) == NsUNet2D().state_dict().keys()


@pytest.mark.parametrize("prefix", ["", "module."])
def test_whole_network_round_trip(read, state, prefix):
    found = read({"state_dict": {prefix + name: value for name, value in state.items()}, "epoch": 3})
    assert (found.part, found.origin, found.epoch) == ("network", "published 2D network", 3)
    assert found.model == ImageModel(width=64)
    NsUNet2D().load_state_dict(found.weights)
    back = to_published(found.weights)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], value) for name, value in state.items())


@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_checkpoint_is_an_encoder(read, resnet, prefix):
    named = {prefix + name: value for name, value in resnet.items()}
    content = {"opt": argparse.Namespace(d=2), "state_dict": named, "optimizer": {"state": {}}, "epoch": 240}
    found = read(content)
    assert (found.part, found.origin, found.epoch) == ("encoder", "published 2D encoder", 240)
    assert found.weights.keys() == {f"encoder.{name}" for name in resnet}
    assert all(torch.equal(found.weights[f"encoder.{name}"], value) for name, value in resnet.items())


@pytest.mark.parametrize("new", [True, False])
def test_torchvision_file_is_an_encoder_too_and_loses_its_classifier(read, resnet, new):
    # Its files of before torch 0.4.1 are of the old format, hold parameters and count no batches.
    content = resnet | classifier(1000)
    if not new:
        kept = {name: value for name, value in content.items() if not name.endswith("num_batches_tracked")}
        content = {name: torch.nn.Parameter(value) for name, value in kept.items()}
    found = read(content, _use_new_zipfile_serialization=new)
    assert (found.part, found.origin, found.epoch) == ("encoder", IMAGENET, None)
    assert found.weights.keys() == {f"encoder.{name}" for name in resnet}
    assert all(torch.equal(found.weights[f"encoder.{name}"], value) for name, value in resnet.items())
    assert not any(value.requires_grad for value in found.weights.values())


def test_what_is_not_torchvisions_is_not_called_so(read, resnet):
    """Only ImageNet's weights count as having seen no patient."""
    assert read(resnet).origin == "2D encoder of unknown origin"
    assert read({f"module.{name}": value for name, value in resnet.items()}).origin != IMAGENET
    assert read(resnet | classifier(14)).origin == "resnet18 with a classifier of shape (14, 512)"
    assert read({"state_dict": resnet | classifier(1000), "epoch": 1}).origin != IMAGENET


def test_other_files_are_refused(read, resnet, state):
    for content, named in (
        ({"conv1.weight": torch.zeros(1)}, "not a 2D encoder of unknown origin: tensors missing"),
        ({"model.decoder.x": torch.zeros(1)}, "not a published 2D network: tensors missing"),
        (resnet | classifier(1000) | {"layer1.2.conv1.weight": torch.zeros(1)}, "unknown: layer1.2.conv1"),
        (resnet | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, r"\(64, 1, 7, 7\) instead of \(64, 3, 7, 7\)"),
        (state | {"model.segmentation_head.0.bias": torch.zeros(1)}, r"segmentation_head.0.bias \("),
        ({"state_dict": {n: v for n, v in state.items() if "head.0" not in n}}, "missing"),
    ):
        with pytest.raises(WeightsError, match=named):
            read(content)


def test_what_is_not_published_is_not_exported(state):
    with torch.device("meta"):
        narrow = NsUNet2D(32).state_dict()
    encoder = {ours(name): value for name, value in state.items() if name.startswith(PREFIX)}
    for weights in (narrow, encoder):
        with pytest.raises(WeightsError, match="not the published 2D network"):
            to_published(weights)
