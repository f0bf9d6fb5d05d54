"""Segmentations are told from scans by their values."""

import numpy as np
import pytest

from pcrl.engine.volumes.ingest.masks import is_segmentation, is_two_valued
from tests.helpers import brains, scans

RNG = np.random.default_rng(0)


def organs(values):
    """Nested boxes of these values, outermost first."""
    volume = np.zeros((20, 30, 30), np.uint8)
    for number, value in enumerate(values, 1):
        volume[tuple(slice(2 * number, n - 2 * number) for n in volume.shape)] = value
    return volume


@pytest.mark.parametrize("values", [(1,), (255,), (1, 2, 3), (1, 5, 117)])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_labels(values, kind):
    volume = organs(values).astype(kind)
    assert is_segmentation(volume)
    assert is_two_valued(volume) == (len(values) == 1)


@pytest.mark.parametrize(
    "volume",
    [
        scans.body(),
        *brains.head(0)[0],
        RNG.integers(0, 256, (20, 30, 30)).astype(np.uint8),
        np.clip(RNG.normal(60, 10, (20, 30, 30)), 0, 255).astype(np.uint8),
        organs((1, 2)) * 0.5,
        organs((1, 2)).astype(np.int16) * 1000,
        np.zeros((20, 30, 30), np.uint8),
    ],
)
def test_scans(volume):
    assert not is_segmentation(volume)
    assert not is_two_valued(volume)
