"""Gradients in one buffer: what autograd, an optimiser and other ranks make of it."""

import pytest
import torch
from torch import nn

from pcrl.training.stepping.gradients import Gradients


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv3d(2, 3, 3), nn.ReLU(), nn.Conv3d(3, 5, 1)).to(
        memory_format=torch.channels_last_3d
    )


def test_they_are_those_of_autograd_in_the_layout_of_the_weights():
    model, x = network(), torch.randn(2, 2, 4, 5, 6)
    model(x).square().sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    gradients = Gradients(list(model.parameters()))
    for _ in range(2):
        gradients.clear()
        model(x).square().sum().backward()
    for parameter, value in zip(model.parameters(), expected, strict=True):
        assert torch.equal(parameter.grad, value)
        assert parameter.grad.stride() == parameter.stride()
        start, end = gradients.flat.data_ptr(), gradients.flat.data_ptr() + 4 * gradients.flat.numel()
        assert start <= parameter.grad.data_ptr() < end
    assert gradients.values.square().sum() == pytest.approx(
        sum(value.square().sum().item() for value in expected)
    )


def test_what_a_step_does_not_reach_has_a_gradient_of_zero_and_decays():
    reached, unreached = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    gradients = Gradients([reached, unreached], room=2)
    optimizer = torch.optim.SGD([reached, unreached], lr=0.1, momentum=0.9, weight_decay=0.5)
    for _ in range(2):
        gradients.clear()
        reached.sum().backward()
        optimizer.step()
    assert torch.equal(unreached.grad, torch.zeros(3))
    # As by hand: v = 0.5 w; w -= 0.1 v; v = 0.9 v + 0.5 w; w -= 0.1 v.
    assert torch.allclose(unreached, torch.full((3,), 0.95 - 0.1 * (0.45 + 0.475)))
    assert gradients.room.shape == (2,)


@pytest.mark.parametrize("norm", [1e-3, 1e3])
def test_clipping_is_that_of_torch(norm):
    model = network()
    parameters = list(model.parameters())
    gradients = Gradients(parameters)
    gradients.clear()
    model(torch.randn(1, 2, 4, 4, 4)).square().sum().backward()
    own = [parameter.grad.clone() for parameter in parameters]
    gradients.scale_to(norm, gradients.norm())
    mine = [parameter.grad.clone() for parameter in parameters]
    for parameter, value in zip(parameters, own, strict=True):
        parameter.grad = value
    nn.utils.clip_grad_norm_(parameters, norm)
    for parameter, value in zip(parameters, mine, strict=True):
        torch.testing.assert_close(parameter.grad, value)
