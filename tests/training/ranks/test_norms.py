"""BatchNorm over ranks, on one rank: that of torch, in values, gradients, statistics, and in a compiled graph."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import distributed, nn
from torch._dynamo.testing import CompileCounterWithBackend

from pcrl.config import load_recipe
from pcrl.kernels.streams import stream
from pcrl.models.networks import build
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Views
from pcrl.training.ranks.norms import NORMS, RankNorm, local_norms, share_norms
from pcrl.training.stepping.compiled import forward_of
from tests.helpers import scans


@pytest.fixture(scope="module", autouse=True)
def _group():
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5, 6), (2, 3, 4, 5, 6)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_it_is_that_of_torch(shape, dtype):
    torch.manual_seed(0)
    kind = NORMS[max(0, len(shape) - 3)]
    plain = kind(3, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    with torch.no_grad():
        plain.weight.uniform_(0.5, 2)
        plain.bias.normal_()
    holder = nn.ModuleDict({"norm": copy.deepcopy(plain)})
    share_norms(holder, NORMS)
    shared = holder["norm"]
    assert isinstance(shared, RankNorm)
    assert not local_norms(holder)
    assert shared.state_dict().keys() == plain.state_dict().keys()
    tolerance = {"atol": 1e-12, "rtol": 0} if dtype == torch.float64 else {"atol": 3e-2, "rtol": 2e-2}
    for _ in range(2):
        x = (torch.randn(shape, dtype=torch.float64) * 3 + 5).to(dtype)
        weights = torch.randn(shape, dtype=torch.float64).to(dtype)
        one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        (plain(one) * weights).sum().backward()
        found = shared(other)
        assert found.dtype == dtype
        (found * weights).sum().backward()
        torch.testing.assert_close(other.grad, one.grad, **tolerance)
    for name, value in plain.named_parameters():
        torch.testing.assert_close(shared.get_parameter(name).grad, value.grad, **tolerance | {"rtol": 2e-2})
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(shared.eval()(x), plain.eval()(x), **tolerance)


@pytest.mark.slow
def test_with_shared_norms_there_is_still_one_graph_a_level(monkeypatch):
    recipe = load_recipe(
        "pcrlv2-3d", [*scans.VIEWS, "model.width=4", "model.levels=3", "training.compile=on"]
    )
    network = build(recipe.model).train()
    objective = build_objective(recipe, network).train()
    share_norms(network, (nn.BatchNorm1d,))
    graphs = CompileCounterWithBackend("eager")
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=graphs))
    forward = forward_of(objective, recipe.training, torch.device("cpu"), pytest.fail)
    views = Views(torch.rand(2, 2, 1, 8, 16, 16), torch.rand(2, 1, 8, 16, 16), torch.rand(6, 2, 1, 8, 8, 8))
    levels = set()
    for number in range(8):
        draws = objective.draw(Keys(stream(3, number), np.arange(2, dtype=np.uint64)))
        levels.add(draws["levels"][0])
        with network.merged():
            outputs = forward(network, views, draws)
        outputs.first.restored.mean().backward()
    assert graphs.frame_count == len(levels) == network.decoder_levels
    torch._dynamo.reset()
