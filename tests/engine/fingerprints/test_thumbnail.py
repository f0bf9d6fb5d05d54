"""The coarse grid by which copies are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.engine.fingerprints.thumbnail import EDGES, thumbnail


def tents(values, edge):
    """The definition, cell by cell: a weighted mean with a tent two cells wide along each axis."""
    out = np.empty((edge,) * values.ndim)
    for cell in np.ndindex(out.shape):
        weights = np.ones(values.shape)
        for axis, (place, count) in enumerate(zip(cell, values.shape, strict=True)):
            step = count / edge
            along = np.maximum(1 - np.abs(np.arange(count) + 0.5 - (place + 0.5) * step) / max(step, 1), 0)
            weights *= along.reshape([-1 if n == axis else 1 for n in range(values.ndim)])
        out[cell] = (weights * values).sum() / weights.sum()
    return np.rint((out - out.min()) * (255 / (out.max() - out.min())))


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 3), st.integers(0, 99), st.integers(2, 5))
def test_against_the_definition(dims, seed, edge):
    rng = np.random.default_rng(seed)
    values = rng.integers(-1000, 1000, rng.integers(3, 14, dims)).astype(np.int16)
    assert np.abs(thumbnail(values, edge).astype(int) - tents(values, edge)).max() <= 1


@pytest.mark.parametrize("dims", [2, 3])
def test_gain_offset_and_turns_change_nothing_else(dims):
    values = np.random.default_rng(0).normal(size=(40, 50, 60)[:dims]).astype(np.float32)
    shown = thumbnail(values)
    assert shown.shape == (EDGES[dims],) * dims
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.abs(thumbnail(3 * values + 7).astype(int) - shown).max() <= 1
    assert np.abs(thumbnail(values[::-1]).astype(int) - shown[::-1]).max() <= 1
    np.testing.assert_array_equal(thumbnail(values.T), shown.T)


def test_one_value_only_shows_nothing():
    assert not thumbnail(np.full((30, 30), 7)).any()
