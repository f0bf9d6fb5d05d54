"""AUROC, its intervals, calibration, studies, and what uncertain labels count as."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics.rocauc import compute_roc_auc

from pcrl.evaluation.bootstrap import FEWEST_PATIENTS, average, difference, resample
from pcrl.evaluation.calibration import calibration
from pcrl.evaluation.roc import auroc, auroc_per_label, mean_of, roc_curve
from pcrl.evaluation.roc_figure import save_calibration, save_roc
from pcrl.evaluation.studies import by_study
from pcrl.evaluation.uncertain import targets

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30)


def by_pairs(scores, truth):
    """The definition: every positive against every negative."""
    wins = [(p > n) + 0.5 * (p == n) for p in scores[truth] for n in scores[~truth]]
    return float(np.mean(wins)) if wins else None


@given(PAIRS)
def test_auroc_is_the_share_of_pairs_won(pairs):
    scores, truth = np.array([s for s, _ in pairs], float), np.array([t for _, t in pairs], bool)
    expected = by_pairs(scores, truth)
    assert auroc(scores, truth) == (None if expected is None else pytest.approx(expected))
    if expected is not None:
        false, true = roc_curve(scores, truth)
        assert np.trapezoid(true, false) == pytest.approx(expected)
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_auroc_is_that_of_monai():
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.3
    scores = rng.normal(truth * 0.7, 1)
    theirs = compute_roc_auc(torch.from_numpy(scores), torch.from_numpy(truth.astype(float)))
    assert auroc(scores, truth) == pytest.approx(float(theirs))


def test_labels_without_positives_are_undefined_and_left_out_of_the_mean():
    truth = np.array([[1, 0, np.nan], [0, 0, 1], [1, 0, 0], [0, 0, np.nan]], float)
    scores = np.array([[4, 1, 9], [1, 2, 1], [3, 3, 0], [2, 4, 9]], float)
    found = auroc_per_label(scores, truth)
    assert found == [1.0, None, 1.0]
    assert mean_of(found) == 1.0
    assert mean_of([None]) is None


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
        expected = by_pairs(np.repeat(scores[:, 0], times), np.repeat(truth[:, 0] > 0, times))
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


def test_too_few_patients_have_no_interval_and_missing_labels_none():
    scores, truth = np.zeros((20, 1)), np.zeros((20, 1))
    assert resample(scores, truth, ["a"] * 20) is None
    found = resample(scores, truth, [str(n) for n in range(20)], resamples=10)
    assert found.intervals() == [None]
    assert found.mean_interval() is None


def test_calibration_by_hand():
    found = calibration(np.array([0.1, 0.2, 0.7, 0.9, 0.5]), np.array([0, 1, 1, 1, np.nan]), bins=2)
    assert found.predicted == pytest.approx((0.15, 0.8))
    assert found.observed == pytest.approx((0.5, 1.0))
    assert found.counts == (2, 2)
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.09 + 0.01) / 4)
    assert found.error == pytest.approx((0.35 + 0.2) / 2)
    assert calibration(np.array([0.5]), np.array([np.nan])) is None


def test_a_study_is_the_mean_of_its_views():
    scores = np.array([[0.2], [0.6], [0.9]])
    truth = np.array([[0], [np.nan], [np.nan]], float)
    found = by_study(scores, truth, ["b/1", "b/1", "a/1"], ["b", "b", "a"])
    assert (found.names, found.patients) == (["b/1", "a/1"], ["b", "a"])
    np.testing.assert_allclose(found.scores[:, 0], [0.4, 0.9])
    np.testing.assert_array_equal(found.truth[:, 0], [0, np.nan])


def test_policies():
    labels = np.array([[1, -1], [0, -2], [-1, 1]], np.int8)
    np.testing.assert_array_equal(targets(labels, "ones", "ab"), [[1, 1], [0, 0], [1, 1]])
    np.testing.assert_array_equal(targets(labels, "zeros", "ab"), [[1, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(targets(labels, "ignore", "ab"), [[1, np.nan], [0, 0], [np.nan, 1]])
    np.testing.assert_array_equal(targets(labels, {"a": "ones"}, "ab"), [[1, np.nan], [0, 0], [1, 1]])
    with pytest.raises(ValueError, match="no label c"):
        targets(labels, {"c": "ones"}, "ab")


def test_figures_are_written_also_for_labels_without_positives(tmp_path):
    rng = np.random.default_rng(0)
    truth = (rng.random((60, 7)) < 0.3).astype(float)
    truth[:, 2] = 0
    arms = {"pre-trained": rng.random((60, 7)), "from-scratch": rng.random((60, 7))}
    labels = [f"finding {n}" for n in range(7)]
    save_roc(tmp_path / "roc.png", arms, truth, labels)
    save_calibration(tmp_path / "calibration.png", arms, truth, labels)
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("roc.png", "calibration.png"))
