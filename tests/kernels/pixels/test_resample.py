"""Separable resampling against matrix products."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.kernels.pixels.resample import linear_taps, resample, together

sizes = st.tuples(*[st.integers(1, 12)] * 3)
steps = st.tuples(*[st.floats(0.2, 4)] * 3)
starts = st.tuples(*[st.one_of(st.integers(-3, 5).map(float), st.floats(-3, 12))] * 3)


def matrix(size, taps):
    """What some taps do, as (count, size)."""
    first, weights = taps
    result = np.zeros((len(first), size + weights.shape[1]))
    for i, row in enumerate(weights):
        result[i, first[i] : first[i] + len(row)] += row
    assert not result[:, size:].any()
    return result[:, :size]


@settings(deadline=None, max_examples=100)
@given(sizes, sizes, steps, starts, st.booleans(), st.sampled_from([np.int16, np.float32]))
def test_volume_is_three_matrix_products(size, count, step, start, widen, dtype):
    taps = [linear_taps(*axis, widen) for axis in zip(size, start, step, count, strict=True)]
    matrices = [matrix(n, t) for n, t in zip(size, taps, strict=True)]
    for each in matrices:
        np.testing.assert_allclose(each.sum(axis=1), 1, rtol=1e-6)
    volume = np.random.default_rng(0).integers(-1000, 1000, size).astype(dtype)
    expected = np.einsum("ia,jb,kc,abc->ijk", *matrices, volume.astype(float))
    np.testing.assert_allclose(resample(volume, together(*taps)), expected, atol=2e-3)


def test_unit_step_from_the_first_voxel_is_an_exact_copy():
    volume = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    taps = together(*(linear_taps(n, 0.0, 1.0, n, True) for n in volume.shape))
    np.testing.assert_array_equal(resample(volume, taps), volume)


@given(st.integers(2, 30), st.floats(0.3, 1.0))
def test_narrow_tent_is_linear_interpolation(size, step):
    count = int(size / step)
    position = (step - 1) / 2 + step * np.arange(count)
    values = np.random.default_rng(0).normal(size=size)
    ours = matrix(size, linear_taps(size, (step - 1) / 2, step, count, widen=False)) @ values
    np.testing.assert_allclose(ours, np.interp(position, np.arange(size), values), atol=1e-5)
