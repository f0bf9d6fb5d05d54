"""Kernels of images against NumPy, SciPy and Pillow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from pcrl.engine.images.cut import ImageWorkspace, cut_image
from pcrl.kernels.images.cut import WEIGHTS, axis_taps
from pcrl.kernels.images.jitter import jitter
from pcrl.kernels.images.warp import turn
from pcrl.kernels.pixels.blur import MAXIMUM_RADIUS, blur
from pcrl.kernels.pixels.normalize import LANES
from pcrl.kernels.pixels.resample import reduction

FINE = settings(max_examples=60, deadline=None)


def turned(grid, shape, angle, flip, scale=1.0):
    """The definition, position by position, in float64."""
    gy, gx = grid.shape
    ny, nx = shape
    y, x = np.mgrid[:ny, :nx].astype(float)
    if flip:
        x = nx - 1 - x
    cy, cx = y - (ny - 1) / 2, x - (nx - 1) / 2
    sy = math.cos(angle) * cy + math.sin(angle) * cx + (ny - 1) / 2
    sx = -math.sin(angle) * cy + math.cos(angle) * cx + (nx - 1) / 2
    py, px = (sy + 0.5) * gy / ny - 0.5, (sx + 0.5) * gx / nx - 0.5
    values = map_coordinates(grid.astype(float), [py, px], order=1, mode="nearest")
    edge = np.minimum.reduce([py + 0.5, gy - 0.5 - py, px + 0.5, gx - 0.5 - px])
    return np.where(edge >= 0, values * scale, 0), np.abs(edge) < 1e-3


@FINE
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 48), st.integers(1, 48),
    st.floats(-3.2, 3.2), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_turn(gy, gx, ny, nx, angle, flip, seed):
    grid = np.random.default_rng(seed).random((gy, gx), np.float32)
    output = np.empty((ny, nx), np.float32)
    turn(grid, output, angle, flip, 0.5)
    expected, on_the_edge = turned(grid, (ny, nx), angle, flip, 0.5)
    np.testing.assert_allclose(output[~on_the_edge], expected[~on_the_edge], atol=2e-5)


def test_turn_exactly():
    grid = np.random.default_rng(0).random((30, 30), np.float32)
    output = np.empty_like(grid)
    turn(grid, output, 0.0, False, 1.0)
    np.testing.assert_array_equal(output, grid)
    turn(grid, output, 0.0, True, 1.0)
    np.testing.assert_array_equal(output, grid[:, ::-1])
    turn(grid, output, math.pi / 2, False, 1.0)
    np.testing.assert_allclose(output[2:-2, 2:-2], np.rot90(grid)[2:-2, 2:-2], atol=1e-4)


def test_rotation_is_counter_clockwise_as_that_of_pillow():
    values = (np.random.default_rng(1).random((64, 64)) * 255).astype(np.float32)
    smooth = gaussian_filter(values, 3)
    output = np.empty_like(smooth)
    turn(smooth, output, math.radians(10), False, 1.0)
    theirs = np.asarray(Image.fromarray(smooth).rotate(10, Image.Resampling.BILINEAR))
    np.testing.assert_allclose(output[12:-12, 12:-12], theirs[12:-12, 12:-12], atol=1.5)


def cut(image, box, shape, angle=0.0, flip=False, scale=1.0):
    output = np.empty(shape, np.float32)
    workspace = ImageWorkspace([shape], max(image.shape))
    cut_image(image, box, angle, flip, scale, workspace, output)
    return output


@FINE
@given(
    st.integers(1, 90), st.integers(1, 90), st.integers(0, 20), st.integers(0, 20), st.integers(4, 40),
    st.integers(4, 40), st.sampled_from([np.uint8, np.uint16]), st.integers(0, 99),
)  # fmt: skip
def test_cut_is_pillows_antialiased_resize(height, width, y, x, ny, nx, kind, seed):
    image = np.random.default_rng(seed).integers(0, 250, (height + y + 3, width + x + 2)).astype(kind)
    found = cut(image, (y, x, height, width), (ny, nx))
    crop = Image.fromarray(image[y : y + height, x : x + width].astype(np.float32))
    theirs = np.asarray(crop.resize((nx, ny), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(found, theirs, atol=0.02)


@FINE
@given(st.integers(1, 500), st.integers(1, 224))
def test_taps_are_those_of_volumes(size, count):
    count = min(size, count)
    first, weights = np.empty(count, np.int64), np.empty(WEIGHTS * size, np.float32)
    for along in (False, True):
        taps = axis_taps(size, count, along, first, weights)
        own = weights[: taps * count].reshape((taps, count) if along else (count, taps))
        own = own.T if along else own
        expected_first, expected = reduction(size, count)
        if taps == 1:
            np.testing.assert_array_equal(first, expected_first)
            continue
        dense, wanted = np.zeros((count, 2 * size + 40)), np.zeros((count, 2 * size + 40))
        for i in range(count):
            dense[i, first[i] : first[i] + taps] = own[i]
            wanted[i, expected_first[i] : expected_first[i] + expected.shape[1]] = expected[i]
        np.testing.assert_allclose(dense, wanted, atol=1e-6)


def test_a_crop_of_the_views_size_is_its_pixels():
    image = np.random.default_rng(0).integers(0, 255, (50, 60)).astype(np.uint8)
    np.testing.assert_array_equal(cut(image, (5, 7, 32, 40), (32, 40)), image[5:37, 7:47])
    found = cut(image, (5, 7, 32, 40), (32, 40), flip=True, scale=1 / 255)
    np.testing.assert_allclose(found, image[5:37, 46:6:-1] / 255, atol=1e-6)


@FINE
@given(st.floats(0.6, 1.4), st.floats(0.6, 1.4), st.booleans(), st.integers(1, 300), st.integers(0, 99))
def test_jitter(brightness, contrast, contrast_first, count, seed):
    values = np.random.default_rng(seed).random(count).astype(np.float32)
    found = values.copy()
    jitter(found, brightness, contrast, contrast_first, np.empty(LANES))
    expected = values.astype(float)
    for step in ("contrast", "brightness") if contrast_first else ("brightness", "contrast"):
        if step == "brightness":
            expected = np.clip(expected * brightness, 0, 1)
        else:
            expected = np.clip(contrast * expected + (1 - contrast) * expected.mean(), 0, 1)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_a_constant_image_keeps_its_constancy_under_contrast(value):
    image = np.full(1000, value, np.float32)
    jitter(image, 1.0, 1.4, True, np.empty(LANES))
    np.testing.assert_allclose(image, value, atol=1e-6)


def test_blur_of_an_image_is_that_of_scipy():
    image = np.random.default_rng(0).random((40, 50), np.float32)
    found = image.copy()
    work, row = np.empty(2000, np.float32), np.empty(50 + 2 * MAXIMUM_RADIUS, np.float32)
    blur(found[None], 0.0, 1.3, 1.3, work, row, np.empty(MAXIMUM_RADIUS + 1, np.float32))
    np.testing.assert_allclose(found, gaussian_filter(image, 1.3, mode="reflect"), atol=1e-6)
