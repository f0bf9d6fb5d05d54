"""Shares of cells, and box means in constant time, against plain means."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.kernels.volumes.occupancy import box_mean, cell_shares, summed


@settings(deadline=None)
@given(
    st.tuples(*[st.integers(1, 20)] * 3),
    st.tuples(*[st.integers(-6, 20)] * 3),
    st.tuples(*[st.integers(1, 25)] * 3),
)
def test_box_mean_is_the_mean_over_its_voxels(shape, start, size):
    cell = 4
    shares = np.random.default_rng(0).random([-(-n // cell) for n in shape]).astype(np.float32)
    voxels = shares.repeat(cell, 0).repeat(cell, 1).repeat(cell, 2)[: shape[0], : shape[1], : shape[2]]
    stop = tuple(a + n for a, n in zip(start, size, strict=True))
    inside = voxels[tuple(slice(max(a, 0), max(b, 0)) for a, b in zip(start, stop, strict=True))]
    mean = box_mean(summed(shares, shape, cell), shape, cell, start, stop)
    np.testing.assert_allclose(mean, inside.sum(dtype=float) / np.prod(size), atol=1e-9)


@settings(deadline=None)
@given(st.tuples(*[st.integers(1, 20)] * 3), st.integers(0, 2**32 - 1))
def test_cell_shares_are_means_over_cells(shape, seed):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    found = np.empty((2, *[-(-n // 8) for n in shape]), np.float32)
    cell_shares(values, -0.5, 0.5, 8, found)
    dense = values > 0.5
    weight = dense.astype(float)
    weight[:-1] += 0.5 * (dense[1:] & ~dense[:-1])
    for place in np.ndindex(*found.shape[1:]):
        cell = tuple(slice(8 * p, 8 * p + 8) for p in place)
        np.testing.assert_allclose(found[(0, *place)], (values[cell] > -0.5).mean(), atol=1e-6)
        np.testing.assert_allclose(found[(1, *place)], weight[cell].mean(), atol=1e-6)
