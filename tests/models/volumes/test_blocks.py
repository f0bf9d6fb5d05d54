"""Convolutions of one channel, and to one, give what PyTorch's give, compiled or not."""

import pytest
import torch
from torch import nn

from pcrl.models.volumes.blocks import AlignedConv3d


@pytest.mark.parametrize(
    ("inputs", "outputs", "edge"), [(5, 1, 1), (5, 1, 3), (1, 5, 3), (1, 1, 3), (3, 5, 3)]
)
@pytest.mark.parametrize("compiling", [True, False])
def test_values_and_gradients_are_those_of_a_plain_convolution(monkeypatch, inputs, outputs, edge, compiling):
    torch.manual_seed(0)
    conv = AlignedConv3d(inputs, outputs, edge).double()
    plain = nn.Conv3d(inputs, outputs, edge, padding=edge // 2).double()
    plain.load_state_dict(conv.state_dict())
    x = torch.randn(2, inputs, 3, 4, 6, dtype=torch.float64).to(memory_format=torch.channels_last_3d)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    direction, found = torch.randn(2, outputs, 3, 4, 6, dtype=torch.float64), []
    for each in (conv, plain):
        given = x.clone().requires_grad_()
        out = each(given)
        found.append([out, *torch.autograd.grad(out, [given, *each.parameters()], direction)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_a_map_of_more_channels_is_convolved_only_where_that_is_wanted(monkeypatch):
    conv, shapes = AlignedConv3d(5, 1, 3), []
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    convolve = torch.nn.functional.conv3d
    monkeypatch.setattr(
        torch.nn.functional,
        "conv3d",
        lambda x, weight, *a, **k: shapes.append(weight.shape[0]) or convolve(x, weight, *a, **k),
    )
    for conv.aligned in (True, False):
        conv(torch.zeros(1, 5, 2, 2, 2))
    assert shapes == [8, 1]
