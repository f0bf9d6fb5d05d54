"""Resamples against rows that are really repeated; the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcrl.evaluation.statistics.bootstrap import FEWEST_PATIENTS, Resamples, average, difference, resample
from pcrl.evaluation.statistics.roc import auroc, auroc_per_label


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 14)), min_size=15, max_size=40))
def test_a_resample_is_the_auroc_of_repeated_rows(rows):
    scores = np.array([[s] for s, _, _ in rows], float)
    truth = np.array([[t] for _, t, _ in rows], float)
    patients = [f"p{p}" for _, _, p in rows]
    found = resample(scores, truth, patients, seed=3, resamples=5)
    names = np.unique(patients)
    if len(names) < FEWEST_PATIENTS:
        assert found is None
        return
    rng = np.random.default_rng(np.random.SeedSequence([3, len(names)]))
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=5)
    for counts, value in zip(drawn, found.labels[:, 0], strict=True):
        times = np.array([counts[np.flatnonzero(names == p)[0]] for p in patients])
        expected = auroc(np.repeat(scores[:, 0], times), np.repeat(truth[:, 0] > 0, times))
        assert np.isnan(value) if expected is None else value == pytest.approx(expected)


def test_intervals_hold_the_value_and_do_not_change():
    rng = np.random.default_rng(1)
    truth = (rng.random((300, 2)) < 0.4).astype(float)
    scores = rng.normal(truth, 1)
    patients = [f"p{n // 2}" for n in range(300)]
    one, two = (resample(scores, truth, patients, seed=0) for _ in range(2))
    np.testing.assert_array_equal(one.labels, two.labels)
    for interval, value in zip(one.intervals(), auroc_per_label(scores, truth), strict=True):
        assert interval[0] < value < interval[1]
        assert interval[1] - interval[0] < 0.2
    worse = resample(-scores, truth, patients, seed=0)
    low, high = difference(one, worse)
    assert 0 < low < high
    np.testing.assert_allclose(average([one, worse]).labels, 0.5)


def sample(images=120, patients=40):
    rng = np.random.default_rng(2)
    truth = (rng.random((images, 2)) < 0.4).astype(float)
    return rng.normal(truth, 1), truth, [f"p{n % patients}" for n in range(images)]


def test_fewer_resamples_are_the_first_of_more():
    few, many = (resample(*sample(), seed=5, resamples=n) for n in (70, 200))
    np.testing.assert_array_equal(few.labels, many.labels[:70])


def test_another_seed_draws_others():
    assert not np.array_equal(resample(*sample(), seed=0).labels, resample(*sample(), seed=1).labels)


def test_the_order_of_the_images_changes_nothing():
    scores, truth, patients = sample()
    order = np.random.default_rng(0).permutation(len(patients))
    turned = resample(scores[order], truth[order], [patients[n] for n in order])
    np.testing.assert_allclose(turned.labels, resample(scores, truth, patients).labels, rtol=1e-12)


def test_copies_of_an_image_make_nothing_surer():
    # Nine more copies of every image of every patient: the patients are as many as before.
    scores, truth, patients = sample()
    copied = resample(np.tile(scores, (10, 1)), np.tile(truth, (10, 1)), patients * 10)
    np.testing.assert_allclose(copied.labels, resample(scores, truth, patients).labels, rtol=1e-12)


def test_resamples_without_a_label_are_counted_and_left_out():
    nan = np.nan
    found = Resamples(np.array([[0.6, nan], [0.8, 0.4], [nan, nan]]))
    assert found.left_out() == [1, 2]
    np.testing.assert_allclose(found.means(), [0.6, 0.6, nan])
    assert found.intervals()[1] == (0.4, 0.4)
    assert found.intervals()[0] == pytest.approx((0.605, 0.795))


def test_a_label_of_one_patient_is_missing_from_a_third_of_the_resamples():
    scores, truth = np.arange(20.0)[:, None], (np.arange(20) == 7).astype(float)[:, None]
    found = resample(scores, truth, [str(n) for n in range(20)])
    # (1 - 1/20) to the power of 20 is 0.358.
    assert 310 < found.left_out()[0] < 410
    assert found.intervals()[0] is not None


def test_the_same_arm_twice_differs_by_nothing():
    one, two = (resample(*sample()) for _ in range(2))
    assert difference(one, two) == (0.0, 0.0)


def test_too_few_patients_have_no_interval_and_missing_labels_none():
    scores, truth = np.zeros((20, 1)), np.zeros((20, 1))
    assert resample(scores, truth, ["a"] * 20) is None
    found = resample(scores, truth, [str(n) for n in range(20)], resamples=10)
    assert found.intervals() == [None]
    assert found.mean_interval() is None


def test_scores_that_are_nan_and_missing_patients_are_refused():
    scores, truth, patients = sample()
    with pytest.raises(ValueError, match="120 rows of scores, but 119 patients"):
        resample(scores, truth, patients[1:])
    scores[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 120 scores are NaN"):
        resample(scores, truth, patients)
