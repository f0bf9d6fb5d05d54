"""The threshold of validation scans, and what is found at it in others."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.called import rates_called, threshold_at
from pcrl.evaluation.statistics.froc import Detections, sensitivities


def made(scans, false, nodules):
    """Detections from (scan, score) of false candidates and of nodules; −∞ is missed."""
    (false_scans, false_scores), (nodule_scans, nodule_scores) = (
        (np.array([scan for scan, _ in pairs], int), np.array([score for _, score in pairs], float))
        for pairs in (false, nodules)
    )
    return Detections(scans, false_scores, false_scans, nodule_scores, nodule_scans)


def test_it_parts_the_last_candidate_that_is_accepted_from_the_first_that_is_refused():
    found = made(2, [(0, 0.9), (0, 0.6), (1, 0.4), (1, 0.1)], [(0, 0.5), (1, -np.inf)])
    # Two scans may have two false positives: 0.4 is refused, and 0.5 is the next above it, a nodule.
    assert threshold_at(found) == pytest.approx(0.45)
    assert threshold_at(found, 0.5) == pytest.approx(0.75)
    assert threshold_at(found, 2.0) == 0.0


def test_equal_scores_are_refused_together():
    found = made(2, [(0, 0.9), (0, 0.6), (1, 0.6), (1, 0.6)], [(0, 0.2)])
    assert threshold_at(found) == pytest.approx(0.75)
    alike = made(1, [(0, 0.7), (0, 0.7)], [(0, 0.2)])
    assert threshold_at(alike) > 0.7
    assert threshold_at(alike) == pytest.approx(0.7)


def test_without_scans_there_is_none():
    assert threshold_at(made(0, [], [])) is None


@pytest.mark.parametrize("seed", range(5))
def test_on_the_same_scans_it_is_the_point_of_the_curve(seed):
    rng = np.random.default_rng(seed)
    found = made(
        20,
        [(int(rng.integers(20)), float(rng.random())) for _ in range(100)],
        [(int(rng.integers(20)), float(rng.random() + 0.3)) for _ in range(15)],
    )
    threshold = threshold_at(found)
    assert (found.false_scores >= threshold).sum() == 20
    # The fourth rate is one false positive a scan.
    assert (found.nodule_scores >= threshold).mean() == pytest.approx(sensitivities(found)[3])


def test_rates_without_each_patient_are_those_of_the_others():
    called = made(4, [(0, 1.0), (0, 0.0), (1, 1.0), (3, 1.0)], [(0, 1.0), (0, 0.0), (2, -np.inf), (3, 1.0)])
    whole, deleted = rates_called(called, ["b", "a", "b", "c"])
    np.testing.assert_allclose(whole, [2 / 4, 3 / 4])
    # Patient a has scan 1 without nodules, b has scans 0 and 2, c has scan 3.
    np.testing.assert_allclose(deleted, [[2 / 4, 2 / 3], [1 / 1, 2 / 2], [1 / 3, 2 / 3]])
    alone, without = rates_called(made(2, [], [(0, 1.0)]), ["a", "b"])
    np.testing.assert_allclose(alone, [1, 0])
    assert np.isnan(without[0, 0])
