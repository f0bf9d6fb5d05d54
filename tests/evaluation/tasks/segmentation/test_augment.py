"""Augmentation moves image and label together, and is a function of its generator alone."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from pcrl.config.volumes import Augmentation
from pcrl.evaluation.tasks.segmentation.augment import augment


@pytest.fixture
def batch():
    label = torch.zeros(3, 16, 24, 32, dtype=torch.int64)
    label[:, 4:12, 6:18, 10:22] = 1
    return label[:, None].float() * 2 - 1, label


def test_image_and_label_stay_together(batch):
    image, label = augment(*batch, Augmentation(), np.random.default_rng(0))
    assert image.shape == batch[0].shape
    assert (label.shape, label.dtype) == (batch[1].shape, torch.int64)
    for one, mask, before in zip(image[:, 0].numpy(), label.numpy(), batch[1].numpy(), strict=True):
        inside = ndimage.binary_erosion(mask, iterations=2)
        outside = ~ndimage.binary_dilation(mask, iterations=2)
        assert one[inside].min() > one[outside].max()
        assert 0.4 < mask.sum() / before.sum() < 2.2
        assert not np.array_equal(mask, before)


def test_turns_keep_angles_and_sizes_in_mm(batch):
    """Not distorted by the patch's shape: with no scaling the volume of the mask stays, whatever the angle."""
    for seed in range(5):
        _, label = augment(*batch, Augmentation(scale=1), np.random.default_rng(seed))
        assert label.sum().item() == pytest.approx(batch[1].sum().item(), rel=0.06)


def test_the_same_generator_gives_the_same(batch):
    (a, x), (b, y) = (augment(*batch, Augmentation(), np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(a, b)
    assert torch.equal(x, y)
    assert not torch.equal(a[0], a[1])


def test_nothing_drawn_is_nothing_done(batch):
    nothing = Augmentation(angle=0, scale=1, contrast=0, brightness=0, noise=0)
    image, label = augment(*batch, nothing, np.random.default_rng(0))
    torch.testing.assert_close(image, batch[0], atol=1e-5, rtol=0)
    assert torch.equal(label, batch[1])
