"""Box means in constant time against a plain mean."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.kernels.occupancy import box_mean, summed


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
