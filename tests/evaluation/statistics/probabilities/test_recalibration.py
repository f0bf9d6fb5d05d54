"""Intercept and slope against scikit-learn's numbers, and against distortions that are known."""

import numpy as np
import pytest
from scipy.special import expit, logit

from pcrl.evaluation.statistics.probabilities.recalibration import recalibration


def test_the_slope_is_that_of_logistic_regression():
    """`LogisticRegression(C=inf)` of scikit-learn 1.9.1 on the logits."""
    rng = np.random.default_rng(3)
    truth = (rng.random(60) < 0.3).astype(float)
    rng.random(60)
    logits = 2 * rng.normal(size=60) + 1.5 * truth - 1
    assert recalibration(expit(logits), truth).slope == pytest.approx(0.36295039, abs=1e-7)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.8, 1.0), (-0.5, 1.0), (0.0, 2.0), (0.0, 0.5)])
def test_what_was_done_to_right_probabilities_is_found(shift, scale):
    rng = np.random.default_rng(0)
    right = rng.normal(0, 1.5, 40_000)
    truth = (rng.random(40_000) < expit(right)).astype(float)
    found = recalibration(expit(right * scale + shift), truth)
    assert found.slope == pytest.approx(1 / scale, abs=0.05)
    if scale == 1.0:
        assert found.intercept == pytest.approx(-shift, abs=0.05)


def test_the_intercept_makes_the_mean_probability_that_of_the_truth():
    probabilities, truth = np.array([0.2, 0.4, 0.7, 0.9, 0.5]), np.array([0, 0, 1, 0, np.nan])
    shift = recalibration(probabilities, truth).intercept
    assert expit(logit(probabilities[:4]) + shift).mean() == pytest.approx(0.25)


@pytest.mark.parametrize("truth", [[0, 0, 0], [1, 1, 1], [np.nan, 1, 1], [np.nan] * 3])
def test_without_both_sides_nothing_is_defined(truth):
    found = recalibration(np.array([0.1, 0.5, 0.9]), np.array(truth, float))
    assert (found.intercept, found.slope) == (None, None)


def test_probabilities_that_part_both_sides_have_no_slope():
    truth = np.array([0, 0, 1, 1.0])
    assert recalibration(np.array([0.1, 0.2, 0.7, 0.9]), truth).slope is None
    assert recalibration(np.array([0.9, 0.7, 0.2, 0.1]), truth).slope is None
    assert recalibration(np.full(4, 0.5), truth).slope is None
    assert recalibration(np.full(4, 0.5), truth).intercept == pytest.approx(0.0)


def test_probabilities_of_zero_and_one_are_no_error():
    found = recalibration(np.array([0.0, 1.0, 0.3, 1.0, 0.6]), np.array([0, 1, 1, 0, 1.0]))
    assert np.isfinite([found.intercept, found.slope]).all()
