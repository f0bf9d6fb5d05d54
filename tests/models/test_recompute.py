"""Recomputed levels: the same gradients and statistics out of less memory."""

import copy

import pytest
import torch
from torch import nn

from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.recompute import run
from pcrl.models.volumes.nsunet import NsUNet3D


@pytest.fixture(params=[2, 3])
def network(request):
    torch.manual_seed(0)
    return (NsUNet2D(width=4) if request.param == 2 else NsUNet3D(width=4, levels=3)).double()


@pytest.fixture
def passes(network):
    shape = (4, 3, 64, 96) if isinstance(network, NsUNet2D) else (4, 1, 16, 24, 16)
    return torch.rand(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def loss(network, passes):
    """Of two passes, so that statistics are updated twice before any backward."""
    first, second = network(passes[0], restore=(0, 1)), network(passes[1])
    compared = [(p * z.detach()).mean() for p, z in zip(first.predictions, second.projections, strict=True)]
    restored = (first.restored - passes[1]).square().mean() + second.restored.square().mean()
    return restored + sum(mid.square().mean() for mid in first.mids.values()) + sum(compared)


def step(network, passes, merged):
    if merged:
        with network.merged():
            total = loss(network, passes)
    else:
        total = loss(network, passes)
    total.backward()
    return total.detach()


@pytest.mark.parametrize("merged", [True, False])
def test_gradients_statistics_and_counts_are_the_same(network, passes, merged):
    again = copy.deepcopy(network)
    again.recompute = True
    torch.testing.assert_close(step(again, passes, merged), step(network, passes, merged), rtol=1e-12, atol=0)
    for (name, one), (_, other) in zip(again.named_parameters(), network.named_parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        if other.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-12)
    for (name, one), (_, other) in zip(again.named_buffers(), network.named_buffers(), strict=True):
        assert torch.equal(one, other), name
        if name.endswith("num_batches_tracked"):
            assert int(one) == 2, name


def saved_bytes(network, passes, merged):
    """Of all that is kept for the backward, weights aside; what is kept twice counts once."""
    weights = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        if merged:
            with network.merged():
                total = loss(network, passes)
        else:
            total = loss(network, passes)
    assert total.requires_grad
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("merged", [True, False])
def test_less_than_half_is_kept(network, passes, merged):
    everything = saved_bytes(network, passes, merged)
    network.recompute = True
    assert saved_bytes(network, passes, merged) < 0.5 * everything


def test_nothing_is_computed_again_where_there_is_no_backward(network, passes):
    network.recompute = True
    with torch.no_grad():
        assert not network(passes[0]).restored.requires_grad
    network.eval()
    before = copy.deepcopy(network.state_dict())
    loss(network, passes).backward()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_statistics_come_back_when_the_second_pass_fails():
    """As at a device that is out of memory."""
    norm = nn.BatchNorm1d(3)
    calls = []

    def function(x):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return norm(x) ** 2

    x = torch.randn(4, 3, requires_grad=True)
    total = run(function, x, norms=norm, recompute=True).sum()
    mean, count = norm.running_mean, norm.num_batches_tracked
    with pytest.raises(RuntimeError, match="out of memory"):
        total.backward()
    assert norm.running_mean is mean
    assert norm.num_batches_tracked is count
    assert int(count) == 1
