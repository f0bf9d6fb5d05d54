"""Convolutions of a step are given what they need not copy first, and a backward goes no further than the loss asks."""

import pytest
import torch
from torch._inductor.ir import get_stride_order

from pcrl.config import load_recipe
from pcrl.models.networks import build, placed
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Moment, Views
from tests.training.stepping.graphs import BACKWARD, Convolutions, Graphs, count

RECIPES = {2: "pcrlv2-2d", 3: "pcrlv2-3d"}
SIZES = {2: ((3, 64, 96), (3, 64, 32)), 3: ((1, 16, 32, 32), (1, 16, 16, 16))}
IMAGE = 3
"""Channels of an image: maps of so few are small."""


def parts(dims, *changes, local_views=1):
    torch.manual_seed(0)
    small = ["model.width=8", f"views.locals={local_views}", *changes]
    recipe = load_recipe(RECIPES[dims], small)
    network = placed(build(recipe.model), torch.device("cpu"))
    objective = build_objective(recipe, network)
    large, local = SIZES[dims]
    used = local_views if objective.uses_locals else 0
    views = Views(torch.rand(2, 2, *large), torch.rand(2, *large), torch.rand(used, 2, *local))
    return network, objective, views


def step(network, objective, views, levels, forward=None):
    """Forward and backward in bfloat16, where a GPU computes in it."""
    draws = {"levels": list(levels)}
    with network.merged(), torch.autocast("cpu", torch.bfloat16):
        outputs = (objective if forward is None else forward)(network, views, draws)
    objective.loss(outputs, views, draws, Moment(0, 10)).total.backward()


def is_last(tensor):
    """Channels lie side by side, then the last axis, and so on; axes of one element lie anywhere."""
    step = 1
    for axis in (1, *range(tensor.ndim - 1, 1, -1), 0):
        if tensor.shape[axis] > 1 and tensor.stride(axis) != step:
            return False
        step *= tensor.shape[axis]
    return True


def copied(tensors):
    return [
        (tuple(t.shape), t.stride()) for t in tensors if t.ndim > 3 and t.shape[1] > IMAGE and not is_last(t)
    ]


@pytest.mark.parametrize("dims", [2, 3])
def test_what_convolutions_are_given_is_channels_last(dims):
    network, objective, views = parts(dims)
    with Convolutions() as ran:
        step(network, objective, views, [network.decoder_levels - 1] * 3)
    assert sum(func is BACKWARD for func, _ in ran.found) > 20
    assert [bad for _, given in ran.found if (bad := copied(given))] == []


@pytest.mark.slow
@pytest.mark.parametrize(("dims", "head"), [(2, ()), (3, ()), (3, ("model.head=paper",))])
def test_what_compiled_convolutions_are_given_is_channels_last(dims, head):
    network, objective, views = parts(dims, *head)
    graphs = Graphs()
    step(network, objective, views, [network.decoder_levels - 1] * 3, graphs.compiled(objective))
    found = graphs.convolutions()
    assert count(graphs.backward, BACKWARD) > 20
    assert [(name, bad) for name, given, _ in found if (bad := copied(given))] == []
    if dims == 3:
        # Inductor gives a convolution its tensors in the order of the strides of what comes out, in which ties are
        # guessed. In two dimensions it takes channels last.
        orders = {
            (name, tuple(get_stride_order(each.stride()))) for name, _, gives in found for each in gives
        }
        assert {(name, order) for name, order in orders if order != (4, 0, 3, 2, 1)} == set()


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["pcrlv2", "restoration", "comparison"])
@pytest.mark.parametrize(("level", "local_views"), [(0, 0), (1, 0), (2, 0), (0, 1)])
def test_a_compiled_backward_has_no_more_convolutions_than_the_loss_asks_for(objective, level, local_views):
    network, learner, views = parts(3, f"objective.name={objective}", local_views=local_views)
    # Local views draw levels of their own: the finest is among them in nearly all steps.
    levels = [level] + [network.decoder_levels - 1] * 2 * local_views
    with Convolutions() as ran:
        step(network, learner, views, levels)
    graphs = Graphs()
    step(network, learner, views, levels, graphs.compiled(learner))
    asked = sum(func is BACKWARD for func, _ in ran.found)
    assert count(graphs.backward, BACKWARD) == asked > 0
