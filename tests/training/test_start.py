"""Where the first weights of a run come from, and what is said of them."""

import argparse

import pytest
import torch

from pcrl.config import load_recipe
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.volumes.nsunet import NsUNet3D
from pcrl.models.weights.folder import save_weights
from pcrl.models.weights.published import IMAGENET, WeightsError, read_published, to_published
from pcrl.training.start import open_start
from pcrl.training.trainer import initial_state

IMAGES, VOLUMES = load_recipe("pcrlv2-2d"), load_recipe("pcrlv2-3d")


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(1)
    return NsUNet2D().encoder.state_dict()


@pytest.fixture
def imagenet(tmp_path, resnet):
    path = tmp_path / "resnet18.pth"
    torch.save({**resnet, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}, path)
    return path


@pytest.fixture
def published(tmp_path, resnet):
    path = tmp_path / "chest.pt"
    torch.save({"opt": argparse.Namespace(d=2), "state_dict": resnet, "epoch": 240}, path)
    return path


def test_fresh():
    weights, start = open_start(None, IMAGES)
    assert weights is None
    assert (start.words, start.fresh, start.no_patients) == ("fresh weights, seed 0", True, False)


def test_imagenet_is_said_and_holds_no_patients(imagenet, resnet):
    weights, start = open_start(imagenet, IMAGES)
    assert start.words == f"ImageNet weights of {imagenet} (torchvision resnet18), decoder fresh"
    assert (start.fresh, start.no_patients, start.run) == (False, True, None)
    (model, _), (fresh, _) = initial_state(IMAGES, weights), initial_state(IMAGES, None)
    assert all(torch.equal(value, resnet[name]) for name, value in model.encoder.state_dict().items())
    for part in ("decoder", "final"):
        both = zip(getattr(model, part).parameters(), getattr(fresh, part).parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in both)


def test_what_published_weights_saw_is_unknown(published):
    weights, start = open_start(published, IMAGES)
    assert start.words == f"weights of {published} (published 2D encoder), decoder fresh"
    assert (start.fresh, start.no_patients, start.run) == (False, False, None)
    assert weights.part == "encoder"


@pytest.mark.parametrize("kind", ["imagenet", "published"])
def test_an_imported_folder_is_the_same_as_its_file(request, tmp_path, kind):
    file, folder = request.getfixturevalue(kind), tmp_path / "w"
    found = read_published(file)
    save_weights(folder, found.model, found.weights, {"origin": found.origin}, found.part)
    (direct, said), (imported, words) = open_start(file, IMAGES), open_start(folder, IMAGES)
    assert words.words == said.words.replace(str(file), str(folder))
    assert words.no_patients is said.no_patients is (found.origin == IMAGENET)
    assert imported.part == direct.part == "encoder"
    assert all(torch.equal(value, direct.state[name]) for name, value in imported.state.items())


def test_weights_for_the_other_number_of_dimensions_are_refused(imagenet, tmp_path):
    with pytest.raises(
        WeightsError, match=r"resnet18\.pth .* a 2D network .*recipe pcrlv2-3d needs a 3D net"
    ):
        open_start(imagenet, VOLUMES)
    luna = tmp_path / "luna.pt"
    torch.save({"state_dict": to_published(NsUNet3D().state_dict()), "epoch": 240}, luna)
    with pytest.raises(WeightsError, match=r"luna\.pt .* a 3D network .*recipe pcrlv2-2d needs a 2D network"):
        open_start(luna, IMAGES)
    weights, start = open_start(luna, VOLUMES)
    assert start.words == f"weights of {luna} (published 3D network)"
    assert weights.part == "network"
    with pytest.raises(WeightsError, match=r"width=64.* needs .*width=16"):
        open_start(imagenet, load_recipe("pcrlv2-2d", ["model.width=16"]))


def test_what_is_not_there_is_named_with_what_could_be(tmp_path):
    with pytest.raises(WeightsError, match=r"nope: no such file or folder; --init takes a run .* resnet18"):
        open_start(tmp_path / "nope", IMAGES)
