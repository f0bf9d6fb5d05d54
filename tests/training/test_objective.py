"""The objective by hand, and what its weights switch off."""

import math

import pytest
import torch

from pcrl.config import Objective, VolumeModel
from pcrl.models.outputs import Outputs
from pcrl.models.volumes.nsunet import NsUNet3D, build
from pcrl.training.objective import agreement, beta, forward_views, number_of_picks, objective


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


def run(weights, local_views=3):
    torch.manual_seed(0)
    model = NsUNet3D(width=2, levels=3)
    views = torch.rand(2, 2, 1, 8, 8, 8)
    together = torch.rand(local_views, 2, 1, 4, 4, 4)
    picks = [1] * number_of_picks(local_views)
    return objective(forward_views(model, views, together, 1), views[0], picks, 0, 10, weights), model


def test_total_is_the_weighted_sum_and_a_weight_of_zero_switches_off():
    terms, _ = run(Objective(restoration=2, global_cosine=3, local_cosine=4, mid_restoration=5))
    by_hand = (
        2 * terms.restoration + 3 * terms.global_cosine + 4 * terms.local_cosine + 5 * terms.mid_restoration
    )
    assert terms.total.item() == pytest.approx(by_hand.item())
    terms, model = run(Objective(restoration=1, global_cosine=0, local_cosine=0, mid_restoration=0))
    assert terms.global_cosine == terms.local_cosine == terms.mid_restoration == 0
    terms.total.backward()
    assert all(p.grad is None for n, p in model.named_parameters() if "prediction" in n)


def test_no_local_views():
    terms, _ = run(Objective(), local_views=0)
    assert terms.local_cosine == 0
    assert torch.isfinite(terms.total)
