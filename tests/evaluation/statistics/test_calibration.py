"""Calibration by hand, and what its bins do with equal probabilities."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.calibration import calibration


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
