"""What a decoder level averages, it averages in float32 at least."""

import pytest
import torch

from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.volumes.nsunet import NsUNet3D


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64,) * 2],
)
def test_averages_before_batch_norm(dtype, wanted):
    """In bfloat16, averages that differ by two thousandths would be the same, and normalising them would give zeros."""
    level = NsUNet2D(width=4).decoder[0]
    features = torch.ones(4, 16, 8, 8, dtype=dtype)
    for sample in range(4):
        features[sample, :, :sample] += 2**-6
    seen = []
    level.projection.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    level.pair.forward = lambda x: features
    level.projection.to(wanted), level.prediction.to(wanted)
    level(torch.zeros(4, 32, 4, 4))
    assert seen[0].dtype == wanted
    by_hand = 1 + torch.arange(4.0)[:, None].expand(4, 16) / 512
    assert torch.equal(seen[0], by_hand.to(wanted))


def test_projections_under_autocast_are_float32():
    torch.manual_seed(0)
    network = NsUNet3D(width=4, levels=3)
    # Without oneDNN, whose 3D convolutions read unwritten memory where it emulates bfloat16.
    with torch.backends.mkldnn.flags(enabled=False), torch.autocast("cpu", torch.bfloat16):
        outputs = network(torch.rand(4, 1, 8, 8, 8), restore=(0,))
    assert {z.dtype for z in outputs.projections} == {torch.float32}
    assert outputs.mids[0].dtype == torch.float32
