"""The threshold that validation patients choose, and what it comes to for others."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.probabilities.operating_point import rates_at, youden_threshold


def rates(scores, truth, threshold):
    owners = np.zeros(len(scores), np.int64)
    return tuple(
        rates_at(np.asarray(scores, float), np.asarray(truth, float), threshold, owners, np.ones((1, 1)))[0]
    )


def test_the_threshold_lies_between_the_scores_that_it_parts():
    scores, truth = np.array([0.1, 0.2, 0.6, 0.8, 0.9]), np.array([0, 0, 1, np.nan, 1.0])
    assert youden_threshold(scores, truth) == pytest.approx(0.4)
    assert rates(scores, truth, 0.4) == (1.0, 1.0)


def test_it_has_the_highest_sum_of_all_thresholds():
    """As the highest point of scikit-learn's `roc_curve` over the diagonal."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        truth = (rng.random(60) < 0.3).astype(float)
        scores = np.round(rng.random(60) * 0.8 + 0.2 * truth, 2)
        chosen = sum(rates(scores, truth, youden_threshold(scores, truth)))
        assert chosen == pytest.approx(max(sum(rates(scores, truth, one)) for one in np.unique(scores)))


def test_of_equally_good_thresholds_it_is_the_highest():
    scores, truth = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1.0])
    assert youden_threshold(scores, truth) == pytest.approx(0.35)


def test_there_is_none_without_both_sides():
    for truth in ([0, 0], [1, 1], [np.nan, 1], [np.nan, np.nan]):
        assert youden_threshold(np.array([0.2, 0.7]), np.array(truth, float)) is None
    assert youden_threshold(np.zeros(0), np.zeros(0)) is None


def test_a_side_that_is_not_there_has_no_rate():
    found = rates([0.2, 0.7], [1, 1], 0.5)
    assert found[0] == 0.5
    assert np.isnan(found[1])


def test_patients_count_as_often_as_they_are_drawn():
    scores, truth = np.array([0.9, 0.1, 0.8, 0.2]), np.array([1, 1, 0, 0.0])
    owners, weights = np.array([0, 1, 1, 2]), np.array([[1, 1, 1], [3, 1, 0], [0, 2, 2.0]])
    found = rates_at(scores, truth, 0.5, owners, weights)
    assert found == pytest.approx(np.array([[0.5, 0.5], [0.75, 0.0], [0.0, 0.5]]))
