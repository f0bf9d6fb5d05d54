"""AUROC against its definition, against MONAI, and where there is none."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics.rocauc import compute_roc_auc

from pcrl.evaluation.statistics.roc import auroc, auroc_per_label, mean_of, roc_curve

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


def test_auroc_and_curve_by_hand():
    scores, truth = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    # Of four pairs, three are won and one is a tie.
    assert auroc(scores, truth) == 3.5 / 4
    false, true = roc_curve(scores, truth)
    np.testing.assert_array_equal(false, [0, 0, 0.5, 1])
    np.testing.assert_array_equal(true, [0, 0.5, 1, 1])


def test_labels_without_positives_are_undefined_and_left_out_of_the_mean():
    truth = np.array([[1, 0, np.nan], [0, 0, 1], [1, 0, 0], [0, 0, np.nan]], float)
    scores = np.array([[4, 1, 9], [1, 2, 1], [3, 3, 0], [2, 4, 9]], float)
    found = auroc_per_label(scores, truth)
    assert found == [1.0, None, 1.0]
    assert mean_of(found) == 1.0
    assert mean_of([None]) is None


def test_a_curve_needs_both():
    with pytest.raises(ValueError, match="positives and negatives"):
        roc_curve(np.array([1.0, 2.0]), np.array([True, True]))


def test_scores_that_are_nan_are_refused():
    scores, truth = np.array([np.nan, 1.0, 2.0]), np.array([True, True, False])
    for measure in (auroc, roc_curve):
        with pytest.raises(ValueError, match="1 of 3 scores are NaN"):
            measure(scores, truth)


def test_labels_that_no_policy_was_applied_to_are_refused():
    with pytest.raises(ValueError, match="truth is -1, expected 1, 0 or NaN"):
        auroc_per_label(np.array([[1.0], [2.0]]), np.array([[-1.0], [1.0]]))
