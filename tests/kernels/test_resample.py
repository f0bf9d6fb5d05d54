"""Separable resampling against a matrix product."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pcrl.kernels.resample import linear_weights, resample_axis, resample_last

sizes = st.integers(1, 12)


@given(sizes, sizes, st.floats(0.2, 4), st.booleans(), st.integers(0, 2**32 - 1))
def test_axis_is_a_matrix_product(size, count, step, widen, seed):
    first, weights = linear_weights(size, (step - 1) / 2, step, count, widen)
    matrix = np.zeros((count, size))
    for i in range(count):
        matrix[i, first[i] : first[i] + weights.shape[1]] += weights[i]
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
    source = np.random.default_rng(seed).normal(size=(3, size, 5)).astype(np.float32)
    result = np.empty((3, count, 5), np.float32)
    resample_axis(source, result, first, weights)
    np.testing.assert_allclose(result, np.einsum("ij,ajb->aib", matrix, source), atol=1e-5)
    flat = np.ascontiguousarray(np.swapaxes(source, 1, 2)).reshape(-1, size)
    last = np.empty((15, count), np.float32)
    resample_last(flat, last, first, weights)
    np.testing.assert_allclose(last, flat @ matrix.T, atol=1e-5)


@given(st.integers(2, 30), st.floats(0.3, 1.0))
def test_narrow_tent_is_linear_interpolation(size, step):
    count = int(size / step)
    position = (step - 1) / 2 + step * np.arange(count)
    first, weights = linear_weights(size, (step - 1) / 2, step, count, widen=False)
    values = np.random.default_rng(0).normal(size=size)
    ours = [weights[i] @ values[first[i] : first[i] + weights.shape[1]] for i in range(count)]
    np.testing.assert_allclose(ours, np.interp(position, np.arange(size), values), atol=1e-5)
