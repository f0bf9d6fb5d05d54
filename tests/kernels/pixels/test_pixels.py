"""Blur, gamma, swaps and normalisation against NumPy and SciPy."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pcrl.kernels.pixels.blur import MAXIMUM_RADIUS, blur
from pcrl.kernels.pixels.gamma import apply_gamma
from pcrl.kernels.pixels.normalize import LANES, normalize
from pcrl.kernels.random import derive, uniform
from pcrl.kernels.volumes.swap import swap_blocks

shapes = st.tuples(*[st.integers(1, 20)] * 3)
sigmas = st.one_of(st.just(0.0), st.floats(0.05, 4))


def volume(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def blurred(image, sigma):
    result, row = image.copy(), np.empty(image.shape[2] + 2 * MAXIMUM_RADIUS, np.float32)
    blur(result, *sigma, np.empty(image.size, np.float32), row, np.empty(MAXIMUM_RADIUS + 1, np.float32))
    return result


@settings(deadline=None)
@given(shapes, st.tuples(sigmas, sigmas, sigmas))
def test_blur_is_scipys(shape, sigma):
    image = volume(shape)
    np.testing.assert_allclose(blurred(image, sigma), ndimage.gaussian_filter(image, sigma), atol=1e-5)


def test_no_sigma_changes_nothing():
    image = volume((5, 6, 7))
    np.testing.assert_array_equal(blurred(image, (0.0, 0.0, 0.0)), image)


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(-50, 50, width=32)), st.floats(0.5, 2))
def test_gamma_is_signed_power(image, gamma):
    result = image.copy()
    apply_gamma(result, gamma)
    exact = np.sign(image) * np.abs(image.astype(np.float64)) ** gamma
    exact[np.abs(image) <= 1e-30] = 0
    np.testing.assert_allclose(result, exact, rtol=2e-6, atol=1e-12)


def swapped_by_numpy(image, pairs, size, key):
    image = image.copy()
    free = np.array(image.shape) - size + 1
    for pair in range(pairs):
        draws = [int(uniform(key, 6 * pair + i) * free[i % 3]) for i in range(6)]
        a, b = (tuple(slice(s, s + n) for s, n in zip(draws[i : i + 3], size, strict=True)) for i in (0, 3))
        first, second = image[a].copy(), image[b].copy()
        image[b] = first
        image[a] = second
    return image


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 2**64 - 1), st.tuples(*[st.integers(1, 4)] * 3))
def test_swaps_are_numpys(pairs, key, size):
    image = volume((6, 7, 9))
    result = image.copy()
    swap_blocks(result, pairs, *size, key, np.empty((2, *size), np.float32))
    np.testing.assert_array_equal(result, swapped_by_numpy(image, pairs, size, key))


def test_swapped_places_are_spread_over_the_image():
    hit = np.zeros((8, 8, 8))
    for key in range(300):
        image = np.arange(512, dtype=np.float32).reshape(8, 8, 8)
        before = image.copy()
        swap_blocks(image, 1, 2, 2, 2, derive(key, 0), np.empty((2, 2, 2, 2), np.float32))
        hit += image != before
    assert hit[1:-1, 1:-1, 1:-1].min() > 0
    assert hit[0, 0, 0] > 0


@pytest.mark.parametrize("shape", [(1, 1, 2), (3, 5, 7), (32, 64, 64)])
def test_normalised_has_mean_0_and_deviation_1(shape):
    image = volume(shape) * 3 + 100
    exact = (image.astype(np.float64) - image.mean(dtype=np.float64)) / image.std(ddof=1, dtype=np.float64)
    normalize(image.reshape(-1), np.empty(LANES))
    np.testing.assert_allclose(image, exact, atol=2e-4)


@pytest.mark.parametrize("value", [0.0, 0.3, -1000.0, 1e-20])
def test_constant_becomes_zero(value):
    image = np.full(1000, value, np.float32)
    normalize(image, np.empty(LANES))
    assert not image.any()


def test_threads_do_not_change_a_byte():
    def corrupted():
        image = blurred(volume((16, 32, 32)), (1.3, 0.7, 2.0))
        swap_blocks(image, 50, 4, 4, 8, 7, np.empty((2, 4, 4, 8), np.float32))
        apply_gamma(image.reshape(-1), 0.8)
        normalize(image.reshape(-1), np.empty(LANES))
        return image.tobytes()

    expected, results = corrupted(), []
    threads = [threading.Thread(target=lambda: results.append(corrupted())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4
