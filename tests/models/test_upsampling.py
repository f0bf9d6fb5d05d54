"""Upsampling by matrices gives what torch's interpolation gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from pcrl.models.upsampling import upsampled


def interpolated(image, size):
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return functional.interpolate(image, size=list(size), mode=mode, align_corners=False)


@settings(deadline=None, max_examples=60)
@given(
    axes=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 3)), min_size=2, max_size=3),
    batch=st.integers(1, 2),
    channels=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_values_and_gradients_are_those_of_interpolate(axes, batch, channels, seed):
    torch.manual_seed(seed)
    image = torch.rand(batch, channels, *(edge for edge, _ in axes), dtype=torch.float64, requires_grad=True)
    size = [edge * 2**doublings for edge, doublings in axes]
    found, expected = upsampled(image, size), interpolated(image, size)
    assert found.shape == expected.shape
    # Three axes round once each, in either way, numbers below 1.
    assert float((found - expected).detach().abs().max()) <= 3 * torch.finfo(torch.float64).eps
    direction = torch.randn_like(expected)
    (ours,) = torch.autograd.grad(found, image, direction)
    (theirs,) = torch.autograd.grad(expected, image, direction)
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)


@settings(deadline=None, max_examples=60)
@given(axes=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), min_size=2, max_size=3))
def test_sizes_that_are_no_multiples(axes):
    torch.manual_seed(0)
    image = torch.rand(1, 1, *(edge for edge, _ in axes), dtype=torch.float64)
    size = [edge + more for edge, more in axes]
    torch.testing.assert_close(upsampled(image, size), interpolated(image, size), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dims", [2, 3])
def test_bfloat16_is_interpolated_in_float32(dims):
    """Also under autocast, which would multiply matrices in bfloat16."""
    torch.manual_seed(0)
    image, size = torch.rand(2, 3, *(4,) * dims).bfloat16(), (16,) * dims
    with torch.autocast("cpu", torch.bfloat16):
        found = upsampled(image, size)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, interpolated(image.float(), size), rtol=0, atol=3e-7)
    assert not torch.equal(found, found.bfloat16().float())
