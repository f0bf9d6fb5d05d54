"""A step against its parts done by hand."""

import copy
import functools
import json
import shutil

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from pcrl.config import RecipeError, load_recipe
from pcrl.kernels.streams import stream
from pcrl.models.networks import build
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Views
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.ranks.exchange import Exchange
from pcrl.training.ranks.world import ALONE
from pcrl.training.stepping.compiled import forward_of
from pcrl.training.stepping.profile import Profile
from pcrl.training.stepping.reproducible import kernels
from pcrl.training.stepping.step import Stepper
from tests.helpers import scans

CPU = torch.device("cpu")
SETTINGS = [
    *scans.VIEWS,
    "model.width=4",
    "model.levels=3",
    "training.batch_size=4",
    "training.learning_rate=0.1",
]


def parts(*changes):
    recipe = load_recipe("pcrlv2-3d", [*SETTINGS, *changes])
    torch.manual_seed(0)
    network = build(recipe.model).double().train()
    objective = build_objective(recipe, network).double().train()
    return recipe, network, objective


def stepper(recipe, network, objective, forward=None):
    parameters = list(network.parameters())
    exchange = Exchange(ALONE, parameters, (network, objective))
    optimizer = build_optimizer(parameters, recipe.training)
    return Stepper(network, objective, optimizer, recipe.training, exchange, CPU, forward)


def views(recipe, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    shape, small = recipe.views.global_shape, recipe.views.local_shape
    globals_ = torch.rand(2, 4, 1, *shape, generator=generator, dtype=dtype)
    locals_ = torch.rand(recipe.views.locals, 4, 1, *small, generator=generator, dtype=dtype)
    return Views(globals_, torch.rand(4, 1, *shape, generator=generator, dtype=dtype), locals_)


KEYS = Keys(stream(3, 0), np.arange(4, dtype=np.uint64))


@pytest.mark.parametrize("objective", ["pcrlv2", "masked"])
def test_a_batch_in_parts_has_the_mean_gradient_of_its_parts(objective):
    more = ["objective.name=masked", "objective.edge=4", "views.locals=0"] if objective == "masked" else []
    recipe, network, learner = parts(*more, "training.accumulate=2")
    given, moment = views(recipe), Moment(0, 10)
    by_hand = copy.deepcopy(network)
    means = {name: 0.0 for name, _ in by_hand.named_parameters()}
    for own in (slice(0, 2), slice(2, 4)):
        part = Views(given.globals[:, own], given.target[own], given.locals[:, own])
        draws = learner.draw(Keys(KEYS.step, KEYS.samples[own]))
        draws = {name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in draws.items()}
        by_hand.zero_grad()
        learner.loss(learner(by_hand, part, draws), part, draws, moment).total.backward()
        for name, parameter in by_hand.named_parameters():
            if parameter.grad is not None:
                means[name] = means[name] + parameter.grad / 2
    decay = recipe.training.weight_decay
    expected = {
        name: parameter - 0.1 * (means[name] + decay * parameter)
        for name, parameter in by_hand.named_parameters()
    }
    stepper(recipe, network, learner).step(given, KEYS, moment)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter, expected[name], atol=1e-10, rtol=0, msg=name)


def test_every_weight_changes_at_every_step_drawn_or_not():
    recipe, network, objective = parts()
    before = {name: value.clone() for name, value in network.named_parameters()}
    stepper(recipe, network, objective).step(views(recipe), KEYS, Moment(0, 10))
    drawn = objective.draw(KEYS)["levels"]
    undrawn = set(range(network.decoder_levels)) - set(drawn[:1])
    assert undrawn
    for level in undrawn:
        name = f"decoder.{level}.restoration.conv.weight"
        decayed = before[name] * (1 - 0.1 * recipe.training.weight_decay)
        torch.testing.assert_close(network.get_parameter(name), decayed, atol=1e-12, rtol=0)


def test_parts_must_be_alike():
    with pytest.raises(RecipeError, match="batch_size = 4 cannot be cut into accumulate = 3 parts"):
        load_recipe("pcrlv2-3d", [*SETTINGS, "training.accumulate=3"])


@pytest.mark.slow
def test_compiled_it_is_the_same_step_with_one_graph_a_level(monkeypatch):
    recipe, network, objective = parts("training.compile=on")
    given, plain = views(recipe), copy.deepcopy(network)
    # Graphs are taken as for a compiler, which would need minutes here, and run as they are.
    graphs = CompileCounterWithBackend("eager")
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=graphs))
    forward = forward_of(objective, recipe.training, CPU, pytest.fail)
    assert forward is not objective
    compiled, eager = stepper(recipe, network, objective, forward), stepper(recipe, plain, objective)
    levels = []
    for number in range(12):
        keys = Keys(stream(3, number), KEYS.samples)
        one, other = (each.step(given, keys, Moment(0, 10)) for each in (compiled, eager))
        torch.testing.assert_close(one.values, other.values, atol=1e-5, rtol=1e-5, equal_nan=True)
        levels.append(objective.draw(keys)["levels"][0])
    assert graphs.frame_count == len(set(levels)) == network.decoder_levels
    torch._dynamo.reset()


def test_without_a_compiler_steps_are_not_compiled_and_that_is_said(monkeypatch):
    recipe, _, objective = parts("training.compile=on")
    said = []
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RecipeError, match=r"training\.compile = 'on': this machine has no C\+\+ compiler"):
        forward_of(objective, recipe.training, CPU, said.append)
    auto = recipe.training.model_copy(update={"compile": "auto"})
    assert forward_of(objective, auto, torch.device("cuda"), said.append) is objective
    assert len(said) == 1
    assert said[0].startswith("this machine has no C compiler: nothing is compiled, and steps take longer.")
    assert forward_of(objective, auto, CPU, pytest.fail) is objective


def test_what_is_recomputed_is_not_compiled():
    recipe, _, objective = parts("training.recompute=true")
    assert forward_of(objective, recipe.training, torch.device("cuda"), pytest.fail) is objective
    with pytest.raises(RecipeError, match="what is recomputed is not compiled"):
        load_recipe("pcrlv2-3d", [*SETTINGS, "training.recompute=true", "training.compile=on"])


def test_a_run_that_ends_before_its_profile_says_so(tmp_path):
    said = []
    profile = Profile(tmp_path, CPU, said.append)
    profile.step()
    profile.close()
    assert said == ["the run ended before step 5: there is no profile"]
    assert not list(tmp_path.iterdir())


def test_a_profile_is_a_trace_of_ten_steps(tmp_path):
    profile = Profile(tmp_path, CPU, pytest.fail)
    for _ in range(20):
        torch.ones(8).sum()
        profile.step()
    profile.close()
    trace = json.loads((tmp_path / "profile/trace.json").read_text(encoding="utf-8"))
    steps = [event for event in trace["traceEvents"] if event.get("name", "").startswith("ProfilerStep#")]
    assert len(steps) == 10
    assert "aten::sum" in (tmp_path / "profile/kernels.txt").read_text(encoding="utf-8")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_deterministic_steps_give_the_same_bits_on_a_gpu():
    device, found = torch.device("cuda"), []
    for _ in range(2):
        recipe, network, objective = parts()
        network, objective = network.float().to(device), objective.float().to(device)
        given = Views(*(view.to(device) for view in views(recipe, torch.float32)))
        with kernels(True, device):
            for number in range(3):
                stepper(recipe, network, objective).step(
                    given, Keys(stream(3, number), KEYS.samples), Moment(0, 10)
                )
        found.append([value.clone() for value in network.state_dict().values()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    assert not torch.are_deterministic_algorithms_enabled()
