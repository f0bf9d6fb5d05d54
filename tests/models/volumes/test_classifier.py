"""The classifier of volumes takes over the pre-trained encoder."""

import pytest
import torch

from pcrl.config import VolumeModel
from pcrl.models.classifier import build_classifier
from pcrl.models.volumes.nsunet import build

SETTINGS = VolumeModel(width=4, levels=3)


@pytest.fixture(scope="module")
def pretrained():
    torch.manual_seed(1)
    return build(SETTINGS)


@pytest.mark.parametrize("alone", [True, False])
def test_the_encoder_is_the_pretrained_one_and_the_rest_is_fresh(pretrained, alone):
    state = {n: v for n, v in pretrained.state_dict().items() if not alone or n.startswith("encoder.")}
    torch.manual_seed(0)
    model = build_classifier(SETTINGS, 1, state)
    assert model.encoder.state_dict().keys() == pretrained.encoder.state_dict().keys()
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, state[f"encoder.{name}"]), name
    torch.manual_seed(0)
    scratch = build_classifier(SETTINGS, 1, None)
    # The linear layer of both arms starts the same.
    assert torch.equal(model.classifier.weight, scratch.classifier.weight)
    first = "levels.0.first.conv.weight"
    assert not torch.equal(model.encoder.state_dict()[first], scratch.encoder.state_dict()[first])


def test_weights_of_another_width_are_refused():
    with pytest.raises(RuntimeError, match="size mismatch"):
        build_classifier(SETTINGS, 1, build(VolumeModel(width=8, levels=3)).state_dict())


@torch.no_grad()
def test_logits_are_linear_in_averaged_features(pretrained):
    model = build_classifier(SETTINGS, 5, pretrained.state_dict()).eval()
    x = torch.randn(3, 1, 16, 24, 20)
    features = model.features(x)
    assert features.shape == (3, 16)
    torch.testing.assert_close(features, pretrained.eval().encoder(x)[-1].mean(dim=(2, 3, 4)))
    by_hand = features @ model.classifier.weight.T + model.classifier.bias
    torch.testing.assert_close(model(x), by_hand)


def test_it_learns(pretrained):
    """Bright balls against none: a handful of steps drives the loss down, through the encoder."""
    torch.manual_seed(0)
    model = build_classifier(SETTINGS, 1, pretrained.state_dict()).train()
    truth = torch.tensor([0.0, 1.0] * 4)
    x = torch.rand(8, 1, 16, 16, 16) * 0.2
    x[1::2, :, 5:11, 5:11, 5:11] += 0.8
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x)[:, 0], truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 < losses[0]
