"""The test of the transfer protocol: p against SciPy's, by hand, and uniform where there is no difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test
from transferring.paired import FEWEST_TO_TEST, mean_interval, sign_flip


def by_scipy(differences):
    return permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue


@pytest.mark.parametrize("count", [6, 7, 10, 12])
@pytest.mark.parametrize("seed", range(3))
def test_p_is_that_of_scipys_permutation_test(count, seed):
    differences = np.random.default_rng(seed).normal(0.3, 1, count)
    # SciPy doubles the smaller tail: the same, as flips are symmetrical.
    assert sign_flip(differences) == pytest.approx(by_scipy(differences))


def test_p_of_six_by_hand():
    # Only all signs as they are, or all turned, come out as large: 2 of 64.
    assert sign_flip(np.array([1.0, 2, 3, 4, 5, 6])) == 2 / 64
    # Sum 19; as large are: nothing turned (21), the 1 turned (19), and the same with all signs turned.
    assert sign_flip(np.array([-1.0, 2, 3, 4, 5, 6])) == 4 / 64
    # Sum 17; as large are also: the 2 turned.
    assert sign_flip(np.array([1.0, -2, 3, 4, 5, 6])) == 6 / 64
    assert sign_flip(np.zeros(6)) == 1.0


@given(st.lists(st.floats(0.5, 400), min_size=6, max_size=14))
def test_the_outcome_is_always_among_the_flips(sizes):
    """Of differences that all point one way p is 2 / 2ⁿ, and no rounding of sums in mm makes it 0."""
    assert sign_flip(np.array(sizes)) == 2 / 2 ** len(sizes)
    assert sign_flip(-np.array(sizes)) == 2 / 2 ** len(sizes)


def test_neither_order_nor_direction_nor_unit_matters():
    differences = np.random.default_rng(0).normal(0.4, 1, 12)
    expected = sign_flip(differences)
    for other in (differences[::-1], -differences, 300 * differences, differences / 300):
        assert sign_flip(other) == pytest.approx(expected)


def test_fewer_than_six_patients_are_not_tested():
    assert FEWEST_TO_TEST == 6
    assert sign_flip(np.ones(5)) is None


def test_drawn_flips_come_near_to_all_of_them():
    """Beyond 14 patients flips are drawn: the same for the same data, and near the exact p."""
    differences = np.random.default_rng(1).normal(0.35, 1, 16)
    found = sign_flip(differences)
    assert found == sign_flip(differences)
    assert found == pytest.approx(by_scipy(differences), abs=0.02)
    assert sign_flip(np.ones(40)) == pytest.approx(1 / 10_001)


@pytest.mark.parametrize("count", [8, 20])
def test_p_is_uniform_where_there_is_no_difference(count):
    rng = np.random.default_rng(count)
    found = np.array([sign_flip(rng.standard_t(3, count)) for _ in range(300)])
    for level in (0.05, 0.2, 0.5):
        assert np.mean(found <= level) == pytest.approx(level, abs=3.5 * np.sqrt(level * (1 - level) / 300))


def test_p_is_small_where_there_is_one():
    rng = np.random.default_rng(0)
    assert np.mean([sign_flip(rng.normal(1, 1, 20)) < 0.05 for _ in range(50)]) > 0.9


def test_the_interval_of_a_mean_holds_it_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(2, 1, 30)) for _ in range(200)]
    assert 0.88 < np.mean([low <= 2 <= high for low, high in intervals]) < 0.98
    # 2 · 1.96 / √30.
    assert np.mean([high - low for low, high in intervals]) == pytest.approx(0.716, rel=0.1)


def test_the_interval_of_a_mean():
    values = np.random.default_rng(0).normal(size=10)
    assert mean_interval(values) == mean_interval(values)
    low, high = mean_interval(values)
    assert low < values.mean() < high
    assert mean_interval(values[:9]) is None
    assert mean_interval(np.full(10, 0.5)) == (0.5, 0.5)
