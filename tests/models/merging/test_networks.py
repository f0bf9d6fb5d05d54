"""Whole networks, and whole steps, are the same merged or not."""

import copy
import locale
import shutil

import pytest
import torch

from pcrl.config import load_recipe
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.volumes.nsunet import NsUNet3D
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Moment, Views

SIZES = {2: ((3, 64, 96), (3, 64, 32)), 3: ((1, 16, 24, 16), (1, 8, 8, 8))}
RECIPES = {2: "pcrlv2-2d", 3: "pcrlv2-3d"}


@pytest.fixture(params=[2, 3])
def dims(request):
    return request.param


@pytest.fixture
def network(dims):
    torch.manual_seed(0)
    return made(dims).double()


@pytest.fixture
def views(dims):
    generator = torch.Generator().manual_seed(1)
    large, small = SIZES[dims]
    shapes = ((2, 4, *large), (4, *large), (2, 4, *small))
    return Views(*(torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes))


def made(dims):
    return NsUNet2D(width=4) if dims == 2 else NsUNet3D(width=4, levels=3)


def step(network, views, dims, *, merged, compiled=None, levels=(0, 1, 1, 0, 1)):
    """A step of PCRLv2: its loss, with all gradients in the network. The backward comes after the context was left."""
    objective = build_objective(load_recipe(RECIPES[dims], ["views.locals=2"]), network)
    draws = {"levels": list(levels)}
    forward = objective if compiled is None else compiled
    if merged:
        with network.merged():
            outputs = forward(network, views, draws)
    else:
        outputs = forward(network, views, draws)
    loss = objective.loss(outputs, views, draws, Moment(0, 10))
    network.zero_grad()
    loss.total.backward()
    return loss.total.detach()


def close(found, expected, tolerance=1e-9):
    assert float((found.double() - expected.double()).norm()) <= tolerance * max(
        1e-3, float(expected.double().norm())
    )


def same(one, other, tolerance=1e-9):
    """Gradients, running statistics and counts. Averages of four samples are normalised, which magnifies rounding."""
    for (name, a), (_, b) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None), name
        if a.grad is not None:
            close(a.grad, b.grad, tolerance)
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        close(a, b, tolerance)


def merged_maps(network, monkeypatch):
    """Counts how often a level runs merged."""
    from pcrl.models import decoder

    calls, convolve = [], decoder.convolve
    monkeypatch.setattr(decoder, "convolve", lambda x, kernels: calls.append(x.shape) or convolve(x, kernels))
    return calls


def test_a_whole_step_has_the_same_loss_gradients_and_statistics(network, views, dims, monkeypatch):
    plain = copy.deepcopy(network)
    calls = merged_maps(network, monkeypatch)
    expected = step(plain, views, dims, merged=False)
    assert not calls
    found = step(network, views, dims, merged=True)
    assert len(calls) >= 2 * (network.decoder_levels - 1)
    close(found, expected, 1e-12)
    same(network, plain)


def test_outputs_and_statistics(network, views):
    plain, x = copy.deepcopy(network), views.globals[0]
    levels = tuple(range(network.decoder_levels))
    expected = plain(x, levels)
    with network.merged():
        found = network(x, levels)
    for one, other in zip(flat(found), flat(expected), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    for one, other in zip(network.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def flat(outputs):
    return [outputs.restored, *outputs.projections, *outputs.predictions, *outputs.mids.values()]


def test_kernels_are_made_once_a_step_and_anew_in_the_next(network, views, dims, monkeypatch):
    """Two steps in a row follow the same path as without merging."""
    plain = copy.deepcopy(network)
    made = []
    for level in network.decoder:
        level.merge.join.register_forward_hook(lambda join, *_: made.append(id(join)))
    for each, merged in ((plain, False), (network, True)):
        optimizer = torch.optim.SGD(each.parameters(), 1e-2)
        for _ in range(2):
            step(each, views, dims, merged=merged)
            optimizer.step()
    same(network, plain, 1e-7)
    assert len(made) == 2 * len(set(made)) > 0


def test_nothing_is_kept_after_the_context(network, views):
    x = views.globals[0]

    def kept():
        return [len(level.merge.kept) for level in network.decoder]

    with network.merged():
        network(x)
        with network.merged():
            network(x)
        assert sum(kept()) > 0, "the inner context dropped what the outer one keeps"
    assert sum(kept()) == 0
    with pytest.raises(ValueError, match="must be divisible"), network.merged():
        network(torch.cat([network(x).restored, x], dim=-1)[..., 1:])
    assert sum(kept()) == 0
    assert not any(level.merge.open for level in network.decoder)


def test_a_pass_without_gradients_does_not_take_them_from_the_next(network, views):
    x = views.globals[0]
    network.eval()
    with network.merged():
        with torch.no_grad():
            without = network(x).restored
        with torch.inference_mode():
            network(x)
        outputs = network(x)
    assert not without.requires_grad
    assert torch.equal(outputs.restored, without)
    outputs.restored.mean().backward()
    merged = network.decoder[-1].pair.first.conv.weight.grad
    assert merged is not None
    assert float(merged.abs().max()) > 0


def test_names_of_the_weights_are_those_of_the_layers(network):
    names = network.state_dict().keys()
    assert not any("merge" in name for name in names)
    assert "decoder.0.pair.first.conv.weight" in names


@pytest.mark.slow
def test_compiled_within_the_context_it_is_one_graph(network, views, dims):
    """Which is merged, and the same in the next step: nothing is compiled again."""
    plain, graphs = copy.deepcopy(network), []
    objective = build_objective(load_recipe(RECIPES[dims], ["views.locals=2"]), network)

    def keep(graph, _):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(objective, backend=keep, fullgraph=True)
    for number in range(2):
        found = step(network, views, dims, merged=True, compiled=compiled)
        expected = step(plain, views, dims, merged=False)
        close(found, expected, 1e-12 if number == 0 else 1e-6)
        same(network, plain, 1e-6)
    assert len(graphs) == 1
    made = [node for node in graphs[0].graph.nodes if "flip" in str(node.target)]
    assert len(made) >= 2 * (network.decoder_levels - 1)
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"
)  # of torch itself
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="there is no C++ compiler")
@pytest.mark.parametrize("dims", [3], indirect=True)
def test_compiled_to_machine_code(network, views, dims):
    # torch reads its own templates in the encoding of the locale, which a library of another test may have set to C.
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    plain = copy.deepcopy(network)
    torch._dynamo.reset()
    compiled = torch.compile(build_objective(load_recipe(RECIPES[dims], ["views.locals=2"]), network))
    for _ in range(2):
        found = step(network, views, dims, merged=True, compiled=compiled)
        expected = step(plain, views, dims, merged=False)
        close(found, expected, 1e-9)
        same(network, plain, 1e-6)
    torch._dynamo.reset()
