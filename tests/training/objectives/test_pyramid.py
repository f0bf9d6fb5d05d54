"""The objective of PCRLv2 by hand, its controls, and what a weight of 0 switches off."""

import math

import numpy as np
import pytest
import torch

from pcrl.config import VolumeModel, load_recipe
from pcrl.models.outputs import Outputs
from pcrl.models.volumes.nsunet import NsUNet3D, build
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Views
from pcrl.training.objectives.pyramid import agreement, beta
from pcrl.training.trainer import step_key


def outputs(z, p):
    return Outputs(torch.zeros(1), [torch.tensor(z)], [torch.tensor(p)], {})


def test_agreement_by_hand():
    a = outputs([[1.0, 0.0]], [[1.0, 1.0]])
    b = outputs([[0.0, 2.0]], [[3.0, 4.0]])
    # cos(p_a, z_b) = 1/√2, cos(p_b, z_a) = 3/5
    assert float(agreement(a, b, 0)) == pytest.approx(-0.5 * (1 / math.sqrt(2) + 0.6))


def test_projections_get_no_gradient():
    z = torch.randn(3, 4, requires_grad=True)
    p = torch.randn(3, 4, requires_grad=True)
    one = Outputs(torch.zeros(1), [z], [p], {})
    agreement(one, one, 0).backward()
    assert z.grad is None
    assert p.grad is not None


def test_beta_falls_along_a_cosine():
    assert beta(0, 240) == 1
    assert beta(120, 240) == pytest.approx(0.5)
    assert beta(240, 240) == pytest.approx(0)


@pytest.mark.parametrize("head", ["published", "paper"])
@pytest.mark.parametrize(("width", "levels"), [(2, 2), (4, 3), (2, 5)])
def test_width_depth_and_head_are_settings(width, levels, head):
    model = build(VolumeModel(width=width, levels=levels, head=head))
    assert model.decoder_levels == levels - 1
    x = torch.rand(2, 1, 32, 16, 16)
    result = model(x, restore=(0,))
    assert result.restored.shape == x.shape
    assert result.mids[0].shape == x.shape
    assert [z.shape[1] for z in result.projections] == [width * 2**d for d in range(levels - 2, -1, -1)]


def run(*overrides, local_views=3):
    torch.manual_seed(0)
    recipe = load_recipe("pcrlv2-3d", [f"views.locals={local_views}", *overrides])
    model = NsUNet3D(width=2, levels=3)
    objective = build_objective(recipe, model)
    views = torch.rand(2, 2, 1, 8, 8, 8)
    views = Views(views, views[0], torch.rand(local_views, 2, 1, 4, 4, 4))
    draws = {"levels": [1] * (1 + 2 * local_views)}
    loss = objective.loss(objective(model, views, draws), views, draws, Moment(0, 10))
    assert list(loss.scalars) == list(objective.readings())
    assert loss.scalars["loss"] is loss.total
    return loss, model, objective


def weights(**values):
    return [f"objective.{name}={value}" for name, value in values.items()]


def test_total_is_the_weighted_sum_and_a_weight_of_zero_switches_off():
    loss, _, _ = run(*weights(restoration=2, global_cosine=3, local_cosine=4, mid_restoration=5))
    terms = loss.scalars
    by_hand = (
        2 * terms["restoration"]
        + 3 * terms["global_cosine"]
        + 4 * terms["local_cosine"]
        + 5 * terms["mid_restoration"]
    )
    assert loss.total.item() == pytest.approx(by_hand.item())
    loss, model, _ = run(*weights(restoration=1, global_cosine=0, local_cosine=0.5, mid_restoration=0))
    assert loss.scalars["global_cosine"] == loss.scalars["mid_restoration"] == 0
    loss, model, _ = run(*weights(restoration=1, global_cosine=0, local_cosine=0, mid_restoration=0))
    assert loss.scalars["mid_restoration"] == 0
    assert not any("cosine" in name for name in loss.scalars)
    loss.total.backward()
    assert all(p.grad is None for n, p in model.named_parameters() if "prediction" in n)


def test_no_local_views():
    loss, _, _ = run(local_views=0)
    assert loss.scalars["local_cosine"] == 0
    assert torch.isfinite(loss.total)


@pytest.mark.parametrize("name", ["restoration", "comparison"])
def test_a_control_is_the_whole_objective_without_the_other_side(name):
    """The same loss and gradients as PCRLv2 with the other weights at 0, and nothing logged of the other side."""
    loss, model, objective = run(f"objective.name={name}")
    assert objective.settings.is_control
    assert type(objective).__name__.lower() == name
    kept = {
        "restoration": ["restoration", "mid_restoration"],
        "comparison": ["global_cosine", "local_cosine"],
    }[name]
    whole, other_model, _ = run()
    by_hand = sum(whole.scalars[term] for term in kept)
    assert torch.equal(loss.total, by_hand)
    loss.total.backward()
    by_hand.backward()
    for ours, theirs in zip(model.parameters(), other_model.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        assert ours.grad is None or torch.equal(ours.grad, theirs.grad)
    assert [term for term in loss.scalars if "restoration" in term or "cosine" in term] == kept
    assert objective.uses_locals == (name == "comparison")


def test_levels_are_drawn_evenly_and_the_same_for_the_same_step():
    _, _, objective = run(local_views=6)
    nobody = np.empty(0, np.uint64)

    def levels(step):
        return objective.draw(Keys(step_key(0, step), nobody))["levels"]

    drawn = [levels(step) for step in range(500)]
    assert {len(each) for each in drawn} == {13}
    assert np.bincount(np.ravel(drawn), minlength=2) / 6500 == pytest.approx([1 / 2] * 2, abs=0.02)
    assert levels(7) == drawn[7]


def test_pictures_are_of_what_is_learnt():
    _, model, objective = run("objective.name=comparison")
    views = Views(torch.rand(2, 2, 1, 8, 8, 8), torch.rand(2, 1, 8, 8, 8), torch.rand(3, 2, 1, 4, 4, 4))
    draws = {"levels": [0] * 7}
    assert list(objective.pictures(objective(model, views, draws), views, draws)) == ["view 1", "view 2"]
    _, model, objective = run()
    pictures = objective.pictures(objective(model, views, draws), views, draws)
    assert list(pictures) == ["target", "corrupted", "restored"]
    assert pictures["target"] is views.target
