"""Mean squares by hand, reach against SciPy's t, p as what its interval says, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp

from pcrl.evaluation.statistics.inference.crossed import MeanSquares, two_sided_p

TWO_BY_THREE = np.array([[1.0, 2, 6], [3, 2, 4]])
"""Means of patients 2, 2, 5, of seeds 3 and 3, of all 3; rest -1, 0, 1 and 1, 0, -1."""


APART = TWO_BY_THREE + np.array([[0.0], [2.0]])


def tables(seeds=(2, 5), patients=(6, 15)):
    return st.builds(
        lambda s, p, drawn, shift: np.random.default_rng(drawn).normal(shift, 1, (s, p)),
        st.integers(*seeds),
        st.integers(*patients),
        st.integers(0, 10**6),
        st.floats(-1, 1),
    )


def test_mean_squares_by_hand():
    found = MeanSquares.of(TWO_BY_THREE)
    # 2 · (1 + 1 + 4) / 2; 3 · 0 / 1; (1 + 1 + 1 + 1) / (1 · 2).
    assert (found.patients, found.seeds, found.rest) == (6.0, 0.0, 2.0)
    assert found.part_of_patients() == pytest.approx(2 / 3)
    shifted = MeanSquares.of(APART)
    # Seeds 3 and 5: 3 · (1 + 1) / 1.
    assert (shifted.patients, shifted.seeds, shifted.rest) == (6.0, 6.0, 2.0)


def test_the_reach_adds_both_parts_by_hand():
    found = MeanSquares.of(APART)
    of_patients, of_seeds = t.ppf(0.975, 2) ** 2 * (6 - 2) / 6, t.ppf(0.975, 1) ** 2 * 6 / 6
    assert found.half_width() == pytest.approx(np.sqrt(of_patients + of_seeds))


def test_with_one_seed_the_reach_is_that_of_students_t():
    values = np.random.default_rng(0).normal(size=(1, 12))
    expected = ttest_1samp(values[0], 0).confidence_interval(0.95)
    assert MeanSquares.of(values).half_width() == pytest.approx((expected.high - expected.low) / 2)
    assert two_sided_p(MeanSquares.of(values), values.mean()) == pytest.approx(
        ttest_1samp(values[0], 0).pvalue
    )


def test_the_reach_is_never_below_that_over_patients_alone():
    rng = np.random.default_rng(1)
    squares = MeanSquares.of(rng.normal(size=(200, 3, 10)))
    assert (squares.half_width() >= squares.of_patients(0.05)).all()
    assert (squares.half_width() > squares.of_patients(0.05)).any()


@given(tables())
def test_p_is_below_alpha_exactly_where_the_interval_leaves_out_0(values):
    squares, mean = MeanSquares.of(values), float(values.mean())
    p = two_sided_p(squares, mean)
    for alpha in (0.001, 0.05, 0.5):
        if abs(p - alpha) > 1e-6:
            assert (p < alpha) == (abs(mean) > squares.half_width(alpha))


@given(tables(), st.integers(0, 10**6), st.floats(0.1, 400))
def test_order_sign_and_unit_change_no_p(values, drawn, factor):
    rng = np.random.default_rng(drawn)
    other = factor * -values[rng.permutation(len(values))][:, rng.permutation(values.shape[1])]
    ps = [two_sided_p(MeanSquares.of(one), float(one.mean())) for one in (values, other)]
    assert ps[0] == pytest.approx(ps[1], rel=1e-6)


@given(tables(), st.floats(-5, 5))
def test_a_shift_changes_no_reach(values, shift):
    assert MeanSquares.of(values + shift).half_width() == pytest.approx(
        float(MeanSquares.of(values).half_width())
    )


def test_a_seed_that_differs_takes_significance_away():
    """All patients agree, but one training of three is as good as the other arm."""
    gains = np.array([[0.1], [0.1], [0.0]]) + np.random.default_rng(0).normal(0, 0.005, (3, 30))
    squares = MeanSquares.of(gains)
    assert two_sided_p(squares, float(gains.mean())) > 0.1
    assert ttest_1samp(gains.mean(axis=0), 0).pvalue < 1e-20


def test_many_tables_at_once_are_each_as_alone():
    values = np.random.default_rng(2).normal(size=(4, 3, 8))
    together = MeanSquares.of(values).half_width()
    assert together == pytest.approx([float(MeanSquares.of(one).half_width()) for one in values])
