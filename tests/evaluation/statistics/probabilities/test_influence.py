"""Intercept and slope without each patient, against fits of the others."""

import numpy as np
import pytest
from scipy.special import expit

from pcrl.evaluation.statistics.probabilities.influence import without_each
from pcrl.evaluation.statistics.probabilities.recalibration import recalibration


def drawn(images, patients, seed=0):
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=images) - 0.5
    truth = (rng.random(images) < expit(0.6 * logits + 0.3)).astype(float)
    return expit(logits), truth, np.arange(images) % patients


def refitted(probabilities, truth, owner):
    found = [recalibration(probabilities[owner != p], truth[owner != p]) for p in range(owner.max() + 1)]
    return np.array([[one.intercept, one.slope] for one in found], float)


@pytest.mark.parametrize(("images", "patients"), [(60, 60), (400, 100)])
def test_it_is_nearly_what_a_fit_of_the_others_gives(images, patients):
    probabilities, truth, owner = drawn(images, patients)
    found, exact = without_each(probabilities, truth, owner), refitted(probabilities, truth, owner)
    whole = recalibration(probabilities, truth)
    for place, value in enumerate((whole.intercept, whole.slope)):
        moved = exact[:, place] - value
        assert np.abs(found[:, place] - exact[:, place]).max() < 0.25 * np.abs(moved).max()
        assert np.corrcoef(found[:, place] - value, moved)[0, 1] > 0.99


def test_images_that_do_not_count_change_nothing():
    probabilities, truth, owner = drawn(60, 20)
    more = np.r_[probabilities, 0.9], np.r_[truth, np.nan], np.r_[owner, 3]
    np.testing.assert_array_equal(without_each(*more), without_each(probabilities, truth, owner))


def test_it_is_undefined_where_the_fit_of_the_others_is():
    probabilities = np.array([0.1, 0.2, 0.3, 0.8, 0.7, 0.25])
    truth = np.array([0, 0, 1, 1, 1, 0.0])
    owner = np.array([0, 1, 2, 3, 3, 4])
    # Without patient 2 the probabilities part both sides; without the last positives none is left.
    found, exact = without_each(probabilities, truth, owner), refitted(probabilities, truth, owner)
    assert (np.isnan(found) == np.isnan(exact)).all()
    only = without_each(np.array([0.2, 0.6, 0.4, 0.7]), np.array([1, 0, 0, 0.0]), np.arange(4))
    assert np.isnan(only[0]).all()
    assert np.isfinite(only[1:, 0]).all()


@pytest.mark.parametrize("seed", range(20))
def test_nan_agrees_with_fits_of_few(seed):
    probabilities, truth, owner = drawn(9, 6, seed)
    found, exact = without_each(probabilities, truth, owner), refitted(probabilities, truth, owner)
    assert (np.isnan(found) == np.isnan(exact)).all()


def test_without_both_sides_nothing_is_defined():
    assert np.isnan(without_each(np.array([0.3, 0.4]), np.ones(2), np.arange(2))).all()
