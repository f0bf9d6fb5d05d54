"""The counter-based generator: repeatable, uniform, normal, independent between keys and counters."""

import numpy as np
import pytest
from scipy import stats

from pcrl.kernels.pixels.noise import add_noise
from pcrl.kernels.random import derive, normal, uniform

N = 50_000


def test_values_never_change():
    assert [derive(0, 0), derive(1, 2), derive(2**64 - 1, 2**64 - 1)] == [
        15749435111646354137,
        7128029570865128757,
        18163374630161369513,
    ]
    assert uniform(5, 6) == derive(5, 6) // 2**11 / 2**53


@pytest.mark.parametrize("key", [0, 1, 2**63, derive(7, 7)])
def test_uniform(key):
    values = np.array([uniform(key, i) for i in range(N)])
    assert stats.kstest(values, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.02


def test_neighbouring_keys_and_words_are_unrelated():
    a, b = ([uniform(key, i) for i in range(N)] for key in (10, 11))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.02
    keys = {derive(key, word) for key in range(300) for word in range(300)}
    assert len(keys) == 300 * 300


def test_flipping_one_bit_flips_half_of_the_others():
    flips = [bin(derive(3, i) ^ derive(3 ^ (1 << bit), i)).count("1") for bit in range(64) for i in range(50)]
    assert np.mean(flips) == pytest.approx(32, abs=0.5)


def test_normal():
    values = np.array([normal(4, i) for i in range(N)])
    assert stats.kstest(values, "norm").pvalue > 1e-4


@pytest.mark.parametrize("key", [0, 1, derive(9, 9), 2**64 - 1])
def test_noise_is_normal_with_full_tails(key):
    image = np.zeros(4_000_001, np.float32)
    add_noise(image, 2.0, key)
    values = image / 2
    assert stats.kstest(values[:500_000], "norm").pvalue > 1e-4
    assert abs(values.mean()) < 5 / np.sqrt(values.size)
    assert values.std() == pytest.approx(1, abs=2e-3)
    assert stats.kurtosis(values) == pytest.approx(0, abs=0.02)
    for limit in (3, 4):
        expected = 2 * stats.norm.sf(limit) * values.size
        assert abs((abs(values) > limit).sum() - expected) < 6 * np.sqrt(expected)
    assert abs(values).max() > 4.7
    half = (values.size + 1) // 2
    assert abs(np.corrcoef(values[: half - 1], values[half:])[0, 1]) < 5e-3
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 5e-3


def test_noise_depends_on_its_key_alone():
    a, b, c = (np.zeros(1000, np.float32) for _ in range(3))
    add_noise(a, 1.0, 5)
    add_noise(b, 1.0, 5)
    add_noise(c, 1.0, 6)
    np.testing.assert_array_equal(a, b)
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.15
    add_noise(a, 0.0, 7)
    np.testing.assert_array_equal(a, b)
