"""The network's parts and the ways in which it is run."""

import pytest
import torch

from pcrl.models.volumes.nsunet import NsUNet3D


@pytest.fixture
def model():
    torch.manual_seed(0)
    return NsUNet3D(width=4, levels=3)


@pytest.fixture
def x():
    return torch.rand(2, 1, 8, 12, 16, generator=torch.Generator().manual_seed(1))


def test_encoder_alone_gives_every_level_finest_first(model, x):
    assert [tuple(m.shape) for m in model.encoder(x)] == [
        (2, 4, 8, 12, 16),
        (2, 8, 4, 6, 8),
        (2, 16, 2, 3, 4),
    ]


def test_only_the_levels_asked_for_are_restored(model, x):
    assert model(x).mids == {}
    mids = model.eval()(x, restore=(1,)).mids
    assert mids.keys() == {1}
    assert mids[1].shape == x.shape


def test_in_training_every_head_counts_every_pass(model, x):
    for restore in ((), (0,)):
        model(x, restore=restore)
    assert [int(level.restoration.norm.num_batches_tracked) for level in model.decoder] == [2, 2]
    model.eval()(x, restore=(0,))
    assert [int(level.restoration.norm.num_batches_tracked) for level in model.decoder] == [2, 2]


def test_head_of_the_paper_is_two_convolutions():
    shapes = {n: tuple(p.shape) for n, p in NsUNet3D(4, 2, "paper").decoder[0].restoration.named_parameters()}
    assert shapes["conv.weight"] == (4, 4, 3, 3, 3)
    assert shapes["norm.weight"] == (4,)
    assert shapes["last.weight"] == (1, 4, 3, 3, 3)


def test_size_that_does_not_halve_is_refused(model):
    with pytest.raises(ValueError, match=r"\(8, 10, 8\) must be divisible by 4"):
        model(torch.rand(2, 1, 8, 10, 8))


@torch.no_grad()
def test_channels_last_changes_nothing(model, x):
    plain = model.eval()(x, restore=(1,))
    last = model.to(memory_format=torch.channels_last_3d)(
        x.to(memory_format=torch.channels_last_3d), restore=(1,)
    )
    torch.testing.assert_close(last.restored, plain.restored)
    torch.testing.assert_close(last.mids[1], plain.mids[1])


@pytest.mark.parametrize("head", ["published", "paper"])
def test_bfloat16_autocast_trains(x, head):
    torch.manual_seed(0)
    model = NsUNet3D(width=4, levels=3, head=head)
    # Without oneDNN: on CPUs that emulate bfloat16 (AVX-512 without BF16) its 3D convolutions read memory that
    # nobody wrote, and gradients turn NaN by chance (seen with MALLOC_PERTURB_=255, torch 2.13).
    with torch.backends.mkldnn.flags(enabled=False):
        with torch.autocast("cpu", torch.bfloat16):
            result = model(x, restore=(0,))
        (result.restored.float().mean() + result.mids[0].float().mean()).backward()
    gradients = [p.grad for n, p in model.named_parameters() if n.startswith("encoder")]
    assert all(g.dtype == torch.float32 and torch.isfinite(g).all() for g in gradients)


@torch.no_grad()
def test_compiles_as_one_graph(model, x):
    plain = model.eval()(x, restore=(1,))
    compiled = torch.compile(model, backend="eager", fullgraph=True)(x, restore=(1,))
    torch.testing.assert_close(compiled.restored, plain.restored)
    assert compiled.mids.keys() == {1}
