"""Crop, resize, flip and affine against PyTorch's anti-aliased resize and SciPy's interpolation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pcrl.kernels.pixels.resample import box_taps, resample_box
from pcrl.kernels.volumes.warp import affine_matrix, gather


def stored(shape, seed=0):
    return np.random.default_rng(seed).integers(-1000, 1001, shape).astype(np.int16)


def reduced(source, start, box, shape):
    grid = np.empty(shape, np.float32)
    taps = box_taps(box, shape)
    plane, row = np.empty(box[1] * box[2], np.float32), np.empty(box[2] + 64, np.float32)
    resample_box(source, start, box, *taps, plane, row, grid)
    return grid


def gathered(grid, shape, matrix=None, flip=False, scale=1.0, offset=0.0):
    result = np.full(shape, np.nan, np.float32)
    gather(grid, result, np.eye(3) if matrix is None else matrix, flip, scale, offset)
    return result


def antialiased(values, shape):
    """PyTorch's anti-aliased linear resize, one axis at a time (it knows two dimensions only)."""
    tensor = torch.from_numpy(values.astype(np.float64))
    for axis, count in enumerate(shape):
        moved = tensor.movedim(axis, -1)
        flat = moved.reshape(1, 1, -1, moved.shape[-1])
        flat = torch.nn.functional.interpolate(flat, (flat.shape[2], count), mode="bilinear", antialias=True)
        tensor = flat.reshape(*moved.shape[:-1], count).movedim(-1, axis)
    return tensor.numpy()


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(*[st.integers(1, 24)] * 3),
    st.tuples(*[st.integers(1, 24)] * 3),
    st.tuples(*[st.integers(0, 4)] * 3),
)
def test_reduction_is_the_antialiased_resize(box, shape, start):
    shape = tuple(min(a, b) for a, b in zip(box, shape, strict=True))
    source = stored(tuple(s + b + 2 for s, b in zip(start, box, strict=True)))
    cut = source[tuple(slice(s, s + b) for s, b in zip(start, box, strict=True))]
    np.testing.assert_allclose(reduced(source, start, box, shape), antialiased(cut, shape), atol=0.05)


@pytest.mark.parametrize("box", [(64, 96, 96), (96, 96, 96), (64, 112, 112)])
def test_published_boxes(box):
    source = stored(box)
    np.testing.assert_allclose(
        reduced(source, (0, 0, 0), box, (32, 64, 64)), antialiased(source, (32, 64, 64)), atol=0.05
    )


def test_same_size_is_an_exact_copy_and_flip_an_exact_reversal():
    source = stored((6, 7, 8))
    grid = reduced(source, (0, 0, 0), (6, 7, 8), (6, 7, 8))
    np.testing.assert_array_equal(grid, source)
    np.testing.assert_array_equal(gathered(grid, grid.shape), grid)
    np.testing.assert_array_equal(gathered(grid, grid.shape, flip=True), grid[..., ::-1])
    np.testing.assert_allclose(
        gathered(grid, grid.shape, scale=1 / 2000, offset=0.5), grid / 2000 + 0.5, atol=1e-6
    )


def by_scipy(grid, shape, matrix, flip):
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1).astype(float)
    middle = (np.array(shape) - 1) / 2
    position = (index - middle) @ matrix.T + middle
    if flip:
        position[..., 2] = shape[2] - 1 - position[..., 2]
    position = (position + 0.5) * np.array(grid.shape) / np.array(shape) - 0.5
    outside = ((position < -0.5) | (position > np.array(grid.shape) - 0.5)).any(-1)
    values = ndimage.map_coordinates(
        grid.astype(float), np.moveaxis(position, -1, 0), order=1, mode="nearest"
    )
    near = (np.abs(position + 0.5) < 1e-6) | (np.abs(position - np.array(grid.shape) + 0.5) < 1e-6)
    return np.where(outside, grid.min(), values), ~near.any(-1)


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.floats(0.8, 1.2)] * 3),
    st.tuples(*[st.floats(-0.4, 0.4)] * 3),
    st.booleans(),
)
def test_gather_is_scipys_linear_interpolation(size, shape, scales, angles, flip):
    grid = np.random.default_rng(0).normal(size=size).astype(np.float32)
    matrix = affine_matrix(scales, angles)
    expected, certain = by_scipy(grid, shape, matrix, flip)
    ours = gathered(grid, shape, matrix, flip)
    np.testing.assert_allclose(ours[certain], expected[certain], atol=1e-4)


def test_affine_matrix_scales_then_rotates():
    quarter = affine_matrix((1.0, 2.0, 3.0), (math.pi / 2, 0.0, 0.0))
    np.testing.assert_allclose(np.abs(quarter), [[1, 0, 0], [0, 0, 3], [0, 2, 0]], atol=1e-12)
    assert np.linalg.det(affine_matrix((1.1, 0.9, 1.0), (0.1, 0.2, -0.3))) == pytest.approx(0.99)
