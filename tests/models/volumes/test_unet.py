"""The segmentation network takes over the pre-trained encoder."""

import pytest
import torch

from pcrl.config import VolumeModel
from pcrl.models.volumes.nsunet import build
from pcrl.models.volumes.unet import build_unet

SETTINGS = VolumeModel(width=4, levels=3)


@pytest.fixture(scope="module")
def pretrained():
    torch.manual_seed(1)
    return build(SETTINGS).eval()


def test_the_encoder_is_the_pretrained_one_and_the_rest_is_fresh(pretrained):
    torch.manual_seed(0)
    model = build_unet(SETTINGS, 3, 1, pretrained.state_dict()).eval()
    x = torch.randn(2, 1, 8, 12, 16)
    for ours, theirs in zip(model.encoder(x), pretrained.encoder(x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert model(x).shape == (2, 3, 8, 12, 16)
    torch.manual_seed(0)
    scratch = build_unet(SETTINGS, 3, 1, None)
    # The decoder of both arms starts the same.
    for name in ("ups", "pairs", "classifier"):
        for a, b in zip(getattr(model, name).parameters(), getattr(scratch, name).parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_an_encoder_of_one_channel_sees_the_mean_of_several(pretrained):
    model = build_unet(SETTINGS, 2, 3, pretrained.state_dict()).eval()
    x = torch.randn(1, 1, 8, 8, 8)
    same = model.encoder(x.expand(-1, 3, -1, -1, -1))
    for ours, theirs in zip(same, pretrained.encoder(x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_skips_carry_detail(pretrained):
    """Without its skip connections a change of one voxel could not stay where it is."""
    model = build_unet(SETTINGS, 2, 1, pretrained.state_dict()).eval()
    x = torch.randn(1, 1, 16, 16, 16)
    changed = x.clone()
    changed[0, 0, 8, 8, 8] += 5
    difference = (model(changed) - model(x)).abs().sum(dim=1)[0]
    assert difference[8, 8, 8] > 0.1 * difference.max() > 0
