"""Order statistics by hand and against SciPy's sign test; p as what its interval says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from pcrl.evaluation.statistics.inference.medians import median, median_interval, median_p


def test_of_ten_patients_it_is_the_second_and_the_ninth():
    # 2 · (1 + 10) / 2¹⁰ = 0.021; with the third it would be 0.109.
    low, high = median_interval(np.arange(10.0)[None])
    assert (low, high) == (1.0, 8.0)
    assert median(np.arange(10.0)[None]) == 4.5


def test_six_patients_have_one_and_five_none():
    assert median_interval(np.arange(5.0)[None]) is None
    low, high = median_interval(np.arange(6.0)[None])
    assert (low, high) == (0.0, 5.0)


def test_failures_however_far_off_move_no_end():
    near = np.arange(20.0)
    far = np.where(near > 17, 1e6, near)
    assert median_interval(near[None]) == median_interval(far[None])


def test_seeds_are_averaged_and_added_by_hand():
    values = np.stack([np.arange(10.0), np.arange(10.0) + 2])
    # Medians 4.5 and 6.5, ends 3.5 away; variance of the mean over seeds 2 / 2.
    reach = np.sqrt(3.5**2 + t.ppf(0.975, 1) ** 2 * 1.0)
    low, high = median_interval(values)
    assert (low, high) == pytest.approx((5.5 - reach, 5.5 + reach))


def test_without_spread_of_seeds_p_is_that_of_the_sign_test():
    one = np.array([1.0, 2, 3, 4, 5, 6, 7, -1.5])
    assert median_p(np.stack([one, one])) == pytest.approx(binomtest(1, 8).pvalue)
    assert median_p(np.abs(np.stack([one, one]))) == pytest.approx(2 / 2**8)
    assert median_p(np.zeros((3, 20))) == 1.0


tables = st.builds(
    lambda s, p, drawn, shift: np.random.default_rng(drawn).normal(shift, 1, (s, p)),
    st.integers(2, 4), st.integers(6, 25), st.integers(0, 10**6), st.floats(-2, 2),
)  # fmt: skip


@given(tables)
def test_p_is_below_005_exactly_where_the_interval_leaves_out_0(values):
    low, high = median_interval(values)
    assert (median_p(values) < 0.05) == (low > 0 or high < 0)


@given(tables, st.integers(0, 10**6), st.floats(0.1, 400))
def test_order_sign_and_unit_change_no_p(values, drawn, factor):
    rng = np.random.default_rng(drawn)
    other = factor * -values[rng.permutation(len(values))][:, rng.permutation(values.shape[1])]
    assert median_p(values) == pytest.approx(median_p(other))
