"""Scores without a patient, against scores that are computed without it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcrl.evaluation.statistics.inference.jackknife import deleted_aurocs, deleted_means, pseudo_values
from pcrl.evaluation.statistics.roc import auroc


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 6)), min_size=8)
)
def test_without_a_patient_it_is_the_auroc_of_the_others(rows):
    scores, truth, owners = (np.array(column) for column in zip(*rows, strict=True))
    found = deleted_aurocs(scores.astype(float), truth, owners, 7)
    for patient in range(7):
        rest = (owners != patient) & ~np.isnan(truth)
        expected = auroc(scores[rest], truth[rest] > 0.5)
        assert np.isnan(found[patient]) if expected is None else found[patient] == pytest.approx(expected)


def test_without_a_patient_it_is_the_mean_of_the_others():
    values, owners = np.array([1.0, 2, np.nan, 6]), np.array([0, 1, 1, 1])
    assert deleted_means(values, owners, 3) == pytest.approx([4.0, 1.0, 3.0])
    assert np.isnan(deleted_means(np.array([1.0, np.nan]), np.array([0, 1]), 2)[0])


def test_pseudo_values_of_a_mean_are_the_values():
    values = np.random.default_rng(0).normal(size=12)
    deleted = deleted_means(values, np.arange(12), 12)
    np.testing.assert_allclose(pseudo_values(values.mean(), deleted), values)


def test_pseudo_values_of_an_auroc_vary_as_delong_says():
    """DeLong, DeLong and Clarke-Pearson 1988: variances of the placements of both sides, each over its number."""
    rng = np.random.default_rng(0)
    truth = np.arange(400) < 120
    scores = rng.normal(truth * 1.2, 1)
    deleted = deleted_aurocs(scores, truth.astype(float), np.arange(400), 400)
    pseudo = pseudo_values(auroc(scores, truth), deleted)
    wins = (scores[truth][:, None] > scores[~truth][None]).astype(float)
    delong = wins.mean(axis=1).var(ddof=1) / 120 + wins.mean(axis=0).var(ddof=1) / 280
    assert pseudo.var(ddof=1) / 400 == pytest.approx(delong, rel=0.02)
    assert pseudo.mean() == pytest.approx(auroc(scores, truth), abs=1e-3)


def test_a_score_that_is_nan_is_refused():
    with pytest.raises(ValueError, match="1 of 3 scores are NaN"):
        deleted_aurocs(np.array([0, np.nan, 1]), np.array([0.0, 1, 1]), np.arange(3), 3)
