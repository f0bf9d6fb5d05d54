"""Stored integers against NumPy."""

import numpy as np
import pytest

from pcrl.kernels.pixels.scale import to_integers


@pytest.mark.parametrize(
    ("low", "high", "zero", "step", "off"), [(-1000, 1000, 0, 1, 0), (3.5, 90.25, 3.5, 86.75 / 32767, 1)]
)
def test_clipped_and_rounded(low, high, zero, step, off):
    values = np.random.default_rng(0).normal(0, 900, 10_000).astype(np.float32)
    values[:4] = low, high, 0.5, 1.5
    stored = np.empty(values.size, np.int16)
    to_integers(values, low, high, zero, step, stored)
    expected = np.rint((np.clip(values, low, high).astype(float) - zero) / step)
    np.testing.assert_allclose(stored, expected, atol=off)
    assert (stored != expected).mean() < 0.02
