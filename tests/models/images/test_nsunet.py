"""The 2D network's parts and the ways in which it is run."""

import pytest
import torch

from pcrl.config import ImageModel, VolumeModel
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.images.resnet import ResNet18
from pcrl.models.networks import build
from pcrl.models.volumes.nsunet import NsUNet3D


@pytest.fixture
def model():
    torch.manual_seed(0)
    return NsUNet2D(width=4)


@pytest.fixture
def x():
    return torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(1))


def test_encoder_of_any_size(model):
    assert model.encoder(torch.rand(2, 3, 64, 96)).shape == (2, 32, 2, 3)
    assert model.encoder(torch.rand(2, 3, 65, 70)).shape == (2, 32, 3, 3)
    assert ResNet18(width=4, in_channels=1)(torch.rand(2, 1, 64, 64)).shape == (2, 32, 2, 2)


def test_first_weights_are_torchvisions():
    torch.manual_seed(0)
    encoder = ResNet18()
    # He et al. by outputs: variance 2 / (channels out × kernel).
    for weight in (
        encoder.conv1.weight,
        encoder.layer3[0].conv1.weight,
        encoder.layer4[0].downsample[0].weight,
    ):
        wanted = (2 / (weight.shape[0] * weight.shape[2] * weight.shape[3])) ** 0.5
        assert float(weight.detach().std()) == pytest.approx(wanted, rel=0.05)
    norms = [module for module in encoder.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 20
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 11_689_512 - 1000 * 513


def test_channels_of_every_level_follow_the_width(x):
    result = NsUNet2D(8)(x)
    assert [tuple(z.shape) for z in result.projections] == [(2, c) for c in (32, 16, 8, 4, 2)]
    assert [tuple(p.shape) for p in result.predictions] == [(2, c) for c in (32, 16, 8, 4, 2)]
    assert result.restored.shape == x.shape


def test_only_the_levels_asked_for_are_restored(model, x):
    assert model(x).mids == {}
    mids = model.eval()(x, restore=(0, 3)).mids
    assert mids.keys() == {0, 3}
    assert all(mid.shape == x.shape for mid in mids.values())


def test_restorations_are_linear(model, x):
    """Targets are normalised, so that a sigmoid could not reach them."""
    with torch.no_grad():
        model.final.bias.fill_(-5)
        model.decoder[0].restoration.last.bias.fill_(7)
        result = model.eval()(x, restore=(0,))
    assert result.restored.max() < 0
    assert result.mids[0].max() > 1


def test_in_training_every_head_counts_every_pass(model, x):
    for restore in ((), (0,)):
        model(x, restore=restore)
    assert [int(level.restoration.norm.num_batches_tracked) for level in model.decoder] == [2] * 5
    model.eval()(x, restore=(0,))
    assert [int(level.restoration.norm.num_batches_tracked) for level in model.decoder] == [2] * 5


def test_size_that_does_not_halve_is_refused(model):
    with pytest.raises(ValueError, match=r"\(64, 48\) must be divisible by 32"):
        model(torch.rand(2, 3, 64, 48))


@torch.no_grad()
def test_channels_last_changes_nothing(model, x):
    plain = model.eval()(x, restore=(1,))
    last = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last), restore=(1,))
    torch.testing.assert_close(last.restored, plain.restored)
    torch.testing.assert_close(last.mids[1], plain.mids[1])


@torch.no_grad()
def test_compiles_as_one_graph(model, x):
    plain = model.eval()(x, restore=(1,))
    compiled = torch.compile(model, backend="eager", fullgraph=True)(x, restore=(1,))
    torch.testing.assert_close(compiled.restored, plain.restored)
    assert compiled.mids.keys() == {1}


def test_settings_choose_the_network():
    assert isinstance(build(VolumeModel(width=4, levels=2)), NsUNet3D)
    assert isinstance(build(ImageModel(width=4)), NsUNet2D)
