"""Masked restoration: what is hidden, that it is hidden, and that the error counts there alone."""

import numpy as np
import pytest
import torch

from pcrl.config import RecipeError, load_recipe
from pcrl.kernels.streams import sample_key
from pcrl.training.objectives.objective import Keys, Moment, Views
from pcrl.training.trainer import initial_state

SMALL = {
    "masked-3d": ["views.global_shape=[8, 16, 16]", "objective.edge=4", "model.width=4", "model.levels=3"],
    "masked-2d": ["views.global_shape=[64, 96]", "objective.edge=16", "model.width=4"],
}


def keys(samples, epoch=0):
    return Keys(0, np.array([sample_key(0, epoch, sample) for sample in samples], np.uint64))


@pytest.fixture(params=list(SMALL))
def recipe(request):
    return load_recipe(request.param, SMALL[request.param])


def views_of(recipe, network, samples=3):
    torch.manual_seed(1)
    shape = (samples, network.in_channels, *recipe.views.global_shape)
    return Views(torch.rand(2, *shape), torch.rand(shape), torch.rand(0, *shape))


def drawn(objective, samples=(0, 1, 2), epoch=0):
    return {"hidden": torch.from_numpy(objective.draw(keys(samples, epoch))["hidden"])}


def test_the_same_share_in_every_sample_and_another_mask_for_another_sample_or_epoch(recipe):
    _, objective = initial_state(recipe, None)
    hidden = objective.draw(keys(range(5)))["hidden"]
    assert hidden.shape == (5, *(n // recipe.objective.edge for n in recipe.views.global_shape))
    counts = hidden.reshape(5, -1).sum(axis=1)
    assert set(counts.tolist()) == {round(0.6 * hidden[0].size)}
    assert len({each.tobytes() for each in hidden}) == 5
    # A sample's mask is its own, whatever batch it is in.
    assert np.array_equal(objective.draw(keys([3, 1]))["hidden"], hidden[[3, 1]])
    assert not np.array_equal(objective.draw(keys(range(5), epoch=1))["hidden"], hidden)


def test_what_is_hidden_does_not_reach_the_network_and_alone_is_scored(recipe):
    network, objective = initial_state(recipe, None)
    network.eval()
    views, draws = views_of(recipe, network), drawn(objective)
    outputs = objective(network, views, draws)
    edge = recipe.objective.edge
    blocks = draws["hidden"].numpy()
    by_hand = np.stack([np.kron(each, np.ones((edge,) * each.ndim)) for each in blocks]).astype(bool)
    assert np.array_equal(outputs.hidden.numpy()[:, 0], by_hand)
    assert (outputs.given[outputs.hidden.expand_as(outputs.given)] == 0).all()
    other = views._replace(globals=torch.where(outputs.hidden, 7.0, views.globals))
    assert torch.equal(objective(network, other, draws).restored, outputs.restored)
    loss = objective.loss(outputs, views, draws, Moment(0, 1))
    error = (outputs.restored - views.target).square()
    where = outputs.hidden.expand_as(error)
    assert loss.total.item() == pytest.approx(error[where].mean().item(), rel=1e-5)
    assert loss.scalars["seen"].item() == pytest.approx(error[~where].mean().item(), rel=1e-5)
    assert list(loss.scalars) == list(objective.readings())


def test_the_loss_is_a_mean_over_samples(recipe):
    network, objective = initial_state(recipe, None)
    network.eval()
    assert objective.mean_over_samples
    views, draws = views_of(recipe, network), drawn(objective)
    whole = objective.loss(objective(network, views, draws), views, draws, Moment(0, 1)).total
    parts = []
    for n in range(3):
        one = Views(views.globals[:, n : n + 1], views.target[n : n + 1], views.locals)
        mask = {"hidden": draws["hidden"][n : n + 1]}
        parts.append(objective.loss(objective(network, one, mask), one, mask, Moment(0, 1)).total.item())
    assert whole.item() == pytest.approx(np.mean(parts), rel=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        "objective.edge=5",
        "objective.share=0.0001",
        "objective.share=0.9999",
        "views.global_shape=[8, 16, 20]",
    ],
)
def test_blocks_that_do_not_fit_are_refused(change):
    recipe = load_recipe("masked-3d", [*SMALL["masked-3d"], "objective.edge=8", change])
    with pytest.raises(RecipeError, match=r"objective\.edge = \d"):
        initial_state(recipe, None)
