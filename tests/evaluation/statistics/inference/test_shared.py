"""Scores of all patients together: when they have an interval, and the mean over labels."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.inference.jackknife import deleted_aurocs, pseudo_values
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.statistics.roc import auroc


def areas(shift, positives=20, patients=60, seeds=3, drawn=0):
    """AUROCs of images, one a patient."""
    rng = np.random.default_rng(drawn)
    truth, easy = np.arange(patients) < positives, rng.normal(size=patients)
    by_seed, values = [], []
    for _ in range(seeds):
        scores = truth * shift + easy + 0.3 * rng.normal(size=patients)
        area = auroc(scores, truth)
        by_seed.append([area])
        deleted = deleted_aurocs(scores, truth.astype(float), np.arange(patients), patients)
        values.append(pseudo_values(area, deleted)[:, None])
    return SharedScores(np.array(by_seed), np.array(values), np.array([[positives, patients - positives]]))


def test_an_auroc_has_an_interval_round_the_mean_over_seeds():
    found = areas(1.0).score(0)
    assert found.value == pytest.approx(np.mean(found.by_seed))
    assert 0.5 < found.interval[0] < found.value < found.interval[1] <= 1


def test_few_patients_of_a_side_have_no_interval_and_fewer_no_p():
    assert "9 patients with the finding, 51 without" in areas(1.0, positives=9).score(0).why
    nine, four = (areas(1.0, positives=n).difference(areas(0.5, positives=n), 0) for n in (9, 4))
    assert (nine.interval, nine.p is not None) == (None, True)
    assert (four.interval, four.p) == (None, None)
    assert "fewer than 5 of a side" in four.why


def test_an_order_without_errors_has_no_interval():
    """Nothing in it says how often other patients would be ranked wrongly."""
    assert "ranked wrongly" in areas(9.0).score(0).why
    assert areas(9.0).score(0).value == 1.0


def test_the_same_arm_differs_by_nothing():
    found = areas(1.0).difference(areas(1.0), 0)
    assert (found.value, found.p) == (0.0, 1.0)


def test_the_mean_is_over_the_columns_that_are_defined():
    one, other = areas(1.0, drawn=1), areas(0.5, drawn=2)
    nan = np.full_like(one.by_seed, np.nan)
    both = SharedScores(
        np.concatenate([one.by_seed, other.by_seed, nan], axis=1),
        np.concatenate([one.values, other.values, np.full_like(one.values, np.nan)], axis=2),
        np.array([[20, 40], [20, 40], [0, 60]]),
    )
    assert both.defined.tolist() == [True, True, False]
    assert both.score(2) is None
    found = both.mean().score(0)
    assert found.value == pytest.approx((one.by_seed.mean() + other.by_seed.mean()) / 2)
    # Two labels vary less together than the worse of them.
    assert np.ptp(found.interval) < max(np.ptp(each.score(0).interval) for each in (one, other))
