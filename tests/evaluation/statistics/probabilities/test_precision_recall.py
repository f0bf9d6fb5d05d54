"""Average precision against its definition, and against scikit-learn's numbers."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.probabilities.precision_recall import average_precision, weighted_precisions


def written_out(scores, truth):
    """Σ (Rₙ − Rₙ₋₁) Pₙ over falling thresholds."""
    area, recall = 0.0, 0.0
    for threshold in np.unique(scores)[::-1]:
        called = scores >= threshold
        now = truth[called].sum() / truth.sum()
        area += (now - recall) * truth[called].mean()
        recall = now
    return area


def test_it_is_that_of_scikit_learn_with_ties():
    """`average_precision_score` of scikit-learn 1.9.1."""
    rng = np.random.default_rng(3)
    truth = (rng.random(60) < 0.3).astype(float)
    scores = np.round(rng.random(60) * 0.6 + 0.3 * truth, 1)
    assert average_precision(scores, truth) == pytest.approx(0.7531954887218044)
    assert written_out(scores, truth) == pytest.approx(0.7531954887218044)


@pytest.mark.parametrize("decimals", [1, 2, 8])
def test_it_is_what_its_definition_says(decimals):
    rng = np.random.default_rng(decimals)
    truth = (rng.random(200) < 0.1).astype(float)
    scores = np.round(rng.random(200), decimals)
    assert average_precision(scores, truth) == pytest.approx(written_out(scores, truth))


def test_guessing_comes_to_the_share_of_positives_and_perfection_to_one():
    truth = np.r_[np.ones(30), np.zeros(270)]
    assert average_precision(np.full(300, 0.5), truth) == pytest.approx(0.1)
    assert average_precision(truth, truth) == 1.0


def test_without_positives_or_without_negatives_it_is_undefined():
    scores = np.array([0.1, 0.5, 0.9])
    for truth in ([0, 0, 0], [1, 1, 1], [np.nan] * 3, [1, np.nan, np.nan]):
        assert average_precision(scores, np.array(truth, float)) is None
    assert average_precision(scores, np.array([0, np.nan, 1.0])) == 1.0


def test_a_patient_that_is_drawn_twice_counts_twice_with_all_images():
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(12), 3)
    truth, scores = (rng.random(36) < 0.4).astype(float), np.round(rng.random(36), 1)
    truth[5] = np.nan
    weights = rng.multinomial(12, np.full(12, 1 / 12), size=50).astype(float)
    found = weighted_precisions(scores, truth, owners, weights)
    for weight, area in zip(weights, found, strict=True):
        repeated = np.repeat(np.arange(36), weight[owners].astype(int))
        known = repeated[~np.isnan(truth[repeated])]
        assert area == pytest.approx(written_out(scores[known], truth[known]))


def test_scores_that_cannot_be_ranked_are_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        average_precision(np.array([np.nan, 0.2]), np.array([0.0, 1.0]))
