"""The classifier takes over the pre-trained encoder."""

import pytest
import torch

from pcrl.config import ImageModel
from pcrl.models.classifier import build_classifier
from pcrl.models.images.nsunet import build

SETTINGS = ImageModel(width=4)


@pytest.fixture(scope="module")
def pretrained():
    torch.manual_seed(1)
    return build(SETTINGS)


@pytest.mark.parametrize("alone", [True, False])
def test_the_encoder_is_the_pretrained_one_and_the_rest_is_fresh(pretrained, alone):
    state = {n: v for n, v in pretrained.state_dict().items() if not alone or n.startswith("encoder.")}
    torch.manual_seed(0)
    model = build_classifier(SETTINGS, 14, state)
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, state[f"encoder.{name}"]), name
    torch.manual_seed(0)
    scratch = build_classifier(SETTINGS, 14, None)
    # The linear layer of both arms starts the same.
    assert torch.equal(model.classifier.weight, scratch.classifier.weight)
    assert not torch.equal(model.encoder.conv1.weight, scratch.encoder.conv1.weight)


def test_weights_of_another_width_are_refused():
    with pytest.raises(RuntimeError, match="size mismatch"):
        build_classifier(SETTINGS, 14, build(ImageModel(width=8)).state_dict())


@torch.no_grad()
def test_logits_are_linear_in_averaged_features(pretrained):
    model = build_classifier(SETTINGS, 5, pretrained.state_dict()).eval()
    x = torch.randn(3, 3, 64, 96)
    features = model.features(x)
    assert features.shape == (3, 32)
    torch.testing.assert_close(features, pretrained.eval().encoder(x).mean(dim=(2, 3)))
    by_hand = features @ model.classifier.weight.T + model.classifier.bias
    torch.testing.assert_close(model(x), by_hand)


def test_a_frozen_encoder_stays_as_it_is(pretrained):
    model = build_classifier(SETTINGS, 5, pretrained.state_dict()).train()
    model.encoder.eval().requires_grad_(False)
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model(torch.randn(2, 3, 32, 32)).sum().backward()
    assert model.classifier.weight.grad is not None
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.encoder.state_dict().items())
