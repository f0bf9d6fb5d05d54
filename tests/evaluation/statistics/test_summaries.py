"""Medians and signed ranks, against SciPy and by hand; and that predicting nothing helps no arm."""

import numpy as np
import pytest
from scipy import stats

from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.statistics.patients import Measured, compare_first, rows
from pcrl.evaluation.statistics.summaries import BY_MEDIAN, median_interval, signed_rank


@pytest.mark.parametrize("count", [10, 11, 12, 25, 40, 101])
def test_the_interval_of_the_median_covers_at_least_95_percent_and_no_narrower_one_does(count):
    low, high = median_interval(np.arange(1.0, count + 1))
    k = int(low)
    assert high == count + 1 - k
    assert 1 - 2 * stats.binom.cdf(k - 1, count, 0.5) >= 0.95
    assert 1 - 2 * stats.binom.cdf(k, count, 0.5) < 0.95


def test_the_interval_holds_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.exponential(10, (2000, 30))
    inside = [low <= 10 * np.log(2) <= high for low, high in map(median_interval, samples)]
    assert 0.94 < np.mean(inside) < 0.98


def test_few_patients_have_no_interval_and_no_p():
    assert median_interval(np.arange(9.0)) is None
    assert signed_rank(np.arange(5.0)) is None


@pytest.mark.parametrize("count", [6, 9, 14])
def test_signed_ranks_are_those_of_scipy(count):
    differences = np.random.default_rng(count).normal(0.4, 1, count)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank(differences) == pytest.approx(expected)


def test_many_patients_are_near_the_exact_test():
    differences = np.random.default_rng(1).normal(0.4, 1, 30)
    assert signed_rank(differences) == pytest.approx(
        stats.wilcoxon(differences, method="exact").pvalue, abs=0.01
    )


def test_zeros_and_ties_are_those_of_pratt():
    differences = np.array([0.0, 0.0, 1.0, 1.0, -1.0, 2.0, 3.0, 0.1 + 0.2 - 0.3])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1)
    ranks = np.array([5.0, 5.0, 5.0, 7.0, 8.0])
    sums = ranks @ signs
    assert signed_rank(differences) == pytest.approx(np.mean(np.abs(sums) >= ranks @ [1, 1, -1, 1, 1]))


def hd95(values):
    """A case for each patient."""
    return [
        Measured(f"c{n}", f"p{n:02}", False, Replicate(0), {"hd95": np.array([value])})
        for n, value in enumerate(values)
    ]


def test_an_arm_that_misses_a_third_of_the_patients_is_not_the_better_one():
    """It is at 5 mm where it finds something, the other at 6 mm everywhere."""
    rng = np.random.default_rng(0)
    careful = 6 + rng.normal(0, 0.3, 36)
    careless = np.where(np.arange(36) < 12, 500.0, 5 + rng.normal(0, 0.3, 36))
    (row,) = rows(hd95(careless), ["liver"], "hd95", BY_MEDIAN)
    assert (row.patients, row.sd, row.value) == (36, None, np.median(careless))
    assert row.interval[0] < row.value < row.interval[1]
    (one,) = compare_first(
        {"a": hd95(careless), "b": hd95(careful)}, ["liver"], ["hd95"], {"hd95": BY_MEDIAN}
    )
    assert one.p > 0.05
    assert one.patients == 36
    half = np.where(np.arange(36) < 24, 500.0, careless)
    (one,) = compare_first({"a": hd95(half), "b": hd95(careful)}, ["liver"], ["hd95"], {"hd95": BY_MEDIAN})
    assert one.difference > 400
    assert one.p < 0.001
