"""A merged layer gives the numbers of the two layers that it stands for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pcrl.models.merging.kernels import NearestThenConv, TransposedThenConv
from pcrl.models.merging.merge import convolve

MIDDLE = 5


def layers(dims, inputs, outputs):
    """The two layers with random weights, and what joins them."""
    if dims == 2:
        pair = (
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        )
        join = NearestThenConv()
    else:
        pair = nn.ConvTranspose3d(inputs, MIDDLE, 2, stride=2), nn.Conv3d(MIDDLE, outputs, 3, padding=1)
        join = TransposedThenConv()
    return *(layer.double() for layer in pair), join.double()


def close(found, expected):
    assert found.shape == expected.shape
    found, expected = found.detach(), expected.detach()
    assert float((found - expected).abs().max()) <= 1e-12 * max(1, float(expected.abs().max()))


@pytest.mark.parametrize("last", [True, False])
@settings(deadline=None, max_examples=40)
@given(
    size=st.lists(st.integers(1, 5), min_size=2, max_size=3),
    batch=st.integers(1, 3),
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_output_and_every_gradient_are_those_of_the_two_layers(last, size, batch, inputs, outputs, seed):
    """Odd sizes, one voxel on an axis, and a batch of one included."""
    torch.manual_seed(seed)
    up, conv, join = layers(len(size), inputs, outputs)
    x = torch.randn(batch, inputs, *size, dtype=torch.float64)
    if last:
        x = x.to(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
    x.requires_grad_()
    wanted = [x, *up.parameters(), *conv.parameters()]
    expected = conv(up(x))
    found = convolve(x, join(up, conv))
    close(found, expected)
    direction = torch.randn_like(expected)
    theirs = torch.autograd.grad(expected, wanted, direction)
    ours = torch.autograd.grad(found, wanted, direction)
    for one, other in zip(ours, theirs, strict=True):
        close(one, other)


@pytest.mark.parametrize("size", [(3, 2), (2, 1, 3)])
def test_the_backward_written_by_hand_is_that_of_plain_operations(monkeypatch, size):
    torch.manual_seed(0)
    up, conv, join = layers(len(size), 3, 2)
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    by_hand = convolve(x, join(up, conv))
    with monkeypatch.context() as patch:
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        plain = convolve(x, join(up, conv))
    assert torch.equal(by_hand, plain)
    assert by_hand.stride() == plain.stride()
    wanted, direction = [x, *up.parameters(), *conv.parameters()], torch.randn_like(plain)
    for ours, theirs in zip(
        torch.autograd.grad(by_hand, wanted, direction),
        torch.autograd.grad(plain, wanted, direction),
        strict=True,
    ):
        close(ours, theirs)


def test_a_gradient_of_one_number_for_all_voxels():
    """As that of a sum is, which is stored once."""
    torch.manual_seed(0)
    up, conv, join = layers(3, 3, 2)
    x = torch.randn(2, 3, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    convolve(x, join(up, conv)).sum().backward()
    found, x.grad = x.grad, None
    conv(up(x)).sum().backward()
    close(found, x.grad)


@pytest.mark.parametrize("dims", [2, 3])
def test_output_is_channels_last(dims):
    up, conv, join = layers(dims, 3, 4)
    last = torch.channels_last if dims == 2 else torch.channels_last_3d
    found = convolve(torch.randn(2, 3, *(3,) * dims, dtype=torch.float64), join(up, conv))
    assert found.is_contiguous(memory_format=last)


@pytest.mark.parametrize("dims", [2, 3])
def test_kernels_are_not_rounded_under_autocast(dims):
    """They are sums of products of weights: rounded on the way, they would be far off."""
    torch.manual_seed(0)
    up, conv, join = layers(dims, 8, 8)
    exact = join(up, conv)
    up, conv, join = up.float(), conv.float(), join.float()
    with torch.autocast("cpu", torch.bfloat16):
        found = join(up, conv)
    assert found.weight.dtype == torch.float32
    torch.testing.assert_close(found.weight.double(), exact.weight, rtol=1e-5, atol=1e-6)
    if dims == 3:
        torch.testing.assert_close(found.bias.double(), exact.bias, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dims", [2, 3])
def test_under_autocast_it_is_as_near_to_float32_as_bfloat16_can_be(dims):
    torch.manual_seed(0)
    up, conv, join = (part.float() for part in layers(dims, 8, 8))
    x = torch.randn(2, 8, *(4,) * dims)
    # Without oneDNN, whose 3D convolutions read unwritten memory where it emulates bfloat16.
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False):
        exact = conv(up(x))
        with torch.autocast("cpu", torch.bfloat16):
            found = convolve(x, join(up, conv))
    assert found.dtype == torch.bfloat16
    # Inputs, kernels and outputs are rounded to 8 bits.
    assert float((found - exact).norm() / exact.norm()) < 3 * 2**-9
