"""Calibration by hand, and what its bins do with equal probabilities."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.probabilities.calibration import calibration, error_by_chance


def test_calibration_by_hand():
    found = calibration(np.array([0.1, 0.2, 0.7, 0.9, 0.5]), np.array([0, 1, 1, 1, np.nan]), bins=2)
    assert found.predicted == pytest.approx((0.15, 0.8))
    assert found.observed == pytest.approx((0.5, 1.0))
    assert found.counts == (2, 2)
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.09 + 0.01) / 4)
    assert found.error == pytest.approx((0.35 + 0.2) / 2)
    assert calibration(np.array([0.5]), np.array([np.nan])) is None


def test_bins_hold_equally_many():
    found = calibration(np.linspace(0, 1, 103), np.zeros(103), bins=10)
    assert len(found.counts) == 10
    assert sum(found.counts) == 103
    assert set(found.counts) == {10, 11}


@pytest.mark.parametrize(
    "order", [np.arange(100), np.arange(100)[::-1], np.random.default_rng(0).permutation(100)]
)
def test_equal_probabilities_stay_in_one_bin_in_whatever_order(order):
    truth = np.r_[np.ones(50), np.zeros(50)][order]
    found = calibration(np.full(100, 0.5), truth)
    assert (found.counts, found.observed, found.error) == ((100,), (0.5,), 0.0)
    assert found.brier == 0.25


def test_logits_are_refused():
    with pytest.raises(ValueError, match="from -3 to 4, expected 0 to 1"):
        calibration(np.array([-3.0, 4.0]), np.array([0.0, 1.0]))


@pytest.mark.parametrize("images", [200, 5000])
def test_the_error_by_chance_is_what_right_probabilities_come_to(images):
    """Found, on average, by drawing the truth from the probabilities; the fewer images, the larger."""
    rng = np.random.default_rng(0)
    found, by_chance = [], []
    for _ in range(60):
        probabilities = rng.beta(1, 3, images)
        truth = (rng.random(images) < probabilities).astype(float)
        found.append(calibration(probabilities, truth).error)
        by_chance.append(error_by_chance(probabilities, truth, draws=20))
    assert np.mean(by_chance) == pytest.approx(np.mean(found), rel=0.08)


def test_wrong_probabilities_have_more_than_the_error_by_chance():
    rng = np.random.default_rng(0)
    right = rng.beta(1, 3, 2000)
    truth = (rng.random(2000) < right).astype(float)
    assert calibration(right, truth).error < 1.5 * error_by_chance(right, truth)
    assert calibration(np.sqrt(right), truth).error > 5 * error_by_chance(np.sqrt(right), truth)


def test_images_that_do_not_count_do_not_count_by_chance_either():
    probabilities, truth = np.linspace(0.05, 0.95, 100), np.ones(100)
    truth[::2] = np.nan
    assert error_by_chance(probabilities, truth) == error_by_chance(probabilities[1::2], truth[1::2])
    assert error_by_chance(probabilities, np.full(100, np.nan)) is None
    assert error_by_chance(np.zeros(50), np.zeros(50)) == 0.0
