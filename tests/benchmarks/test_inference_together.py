"""The simulation of scores of all patients together computes what evaluations compute."""

import numpy as np
import pytest
from inference import calibrated, pooled, scans
from inference.families import Draw
from inference.together import GIVEN, WITHHELD, covered, shared_rates
from scipy.special import expit

from pcrl.evaluation.statistics.called import rates_called, threshold_at
from pcrl.evaluation.statistics.froc import Detections, deleted_sensitivities, sensitivities
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.statistics.probabilities.calibration import calibration
from pcrl.evaluation.statistics.probabilities.influence import without_each
from pcrl.evaluation.statistics.probabilities.operating_point import youden_threshold
from pcrl.evaluation.statistics.probabilities.precision_recall import weighted_precisions
from pcrl.evaluation.statistics.probabilities.recalibration import recalibration

PATIENTS = 15


def detections(false, nodules, there):
    """Of one seed of one arm."""
    patients, each = false.shape
    owner = np.repeat(np.arange(patients), each)
    places = np.nonzero(there)
    return Detections(patients, false.ravel(), owner, nodules[places], places[0])


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    return scans.scans(np.full((2, 2, 2, 1, 1), 2.0), PATIENTS, False, rng)


def test_sensitivities_of_all_simulations_are_those_of_each(drawn):
    false, nodules, there = drawn
    whole, deleted = scans.sensitivities(false, nodules, there)
    names = [f"{n:02}" for n in range(PATIENTS)]
    for place in np.ndindex(2, 2, 2):
        one = detections(false[place], nodules[place], there[place[0]])
        np.testing.assert_allclose(whole[place], sensitivities(one))
        np.testing.assert_allclose(deleted[place], deleted_sensitivities(one, names))


def test_thresholds_of_validation_scans_and_what_is_found_at_them():
    made = Draw(3, 2, PATIENTS, 0.3, 0.5)
    found = scans.found(2.0, np.random.default_rng(1), made)
    called = scans.false_positives(2.0, np.random.default_rng(1), made)
    rng = np.random.default_rng(1)
    better = np.array([0.0, 0.5]).reshape(1, 2, 1, 1, 1)
    distance = 2.0 + better + 0.3 * rng.normal(size=(3, 2, 2, 1, 1))
    chosen, tested = (
        scans.scans(distance, n, own, rng) for n, own in ((pooled.VALIDATING, True), (PATIENTS, False))
    )
    names = [f"{n:02}" for n in range(PATIENTS)]
    for place in np.ndindex(3, 2, 2):
        threshold = threshold_at(detections(chosen[0][place], chosen[1][place], chosen[2][place[0]]))
        ones = [(each[place] >= threshold).astype(float) for each in tested[:2]]
        whole, deleted = rates_called(detections(*ones, tested[2][place[0]]), names)
        assert (found.by_seed[place], called.by_seed[place]) == pytest.approx(tuple(whole))
        values = PATIENTS * whole - (PATIENTS - 1) * deleted
        np.testing.assert_allclose(found.values[place], values[:, 0])
        np.testing.assert_allclose(called.values[place], values[:, 1])


def test_precisions_and_thresholds_of_all_simulations_are_those_of_each():
    rng = np.random.default_rng(2)
    positive, scores = np.arange(PATIENTS) < 6, rng.random((3, 2, PATIENTS))
    whole, deleted = pooled.precisions(scores, positive)
    thresholds = pooled.youden(scores, positive)
    weights = np.vstack([np.ones(PATIENTS), 1 - np.eye(PATIENTS)])
    for place in np.ndindex(3, 2):
        expected = weighted_precisions(scores[place], positive.astype(float), np.arange(PATIENTS), weights)
        assert whole[place] == pytest.approx(expected[0])
        np.testing.assert_allclose(deleted[place], expected[1:])
        assert thresholds[place] == pytest.approx(youden_threshold(scores[place], positive.astype(float)))


@pytest.mark.parametrize("mean", [calibrated.A_THIRD, calibrated.A_TENTH])
def test_calibration_of_all_simulations_is_that_of_each(mean):
    logits, truth = calibrated.outputs(mean, 1.5, np.random.default_rng(3), Draw(6, 2, 25, 0.3, 0.0))
    shifts, steep = calibrated.intercepts(logits, truth), calibrated.slopes(logits, truth)
    errors = calibrated.errors(expit(logits), truth)
    for place in np.ndindex(6, 1, 2):
        p, t = expit(logits[place]), truth[place].astype(float)
        known = recalibration(p, t)
        expected = without_each(p, t, np.arange(25))
        for (whole, deleted), value, others in ((shifts, known.intercept, 0), (steep, known.slope, 1)):
            assert whole[place] == pytest.approx(np.nan if value is None else value, nan_ok=True, abs=1e-6)
            np.testing.assert_allclose(deleted[place], expected[:, others], atol=1e-5)
        assert errors[0][place] == pytest.approx(calibration(p, t).error)
        kept = np.arange(25) != 7
        assert errors[1][place][7] == pytest.approx(calibration(p[kept], t[kept]).error)


@pytest.mark.parametrize("name", ["AUPRC, half positive", "CPM 0.88", "nodules found at a threshold"])
def test_intervals_are_given_where_evaluations_give_them(name):
    score, rng = GIVEN[name], np.random.default_rng(4)
    made = Draw(60, 3, 22, 0.3, 0.5)
    known = score.family(np.random.default_rng(4), made)
    given = [
        SharedScores(one[:, None], values[..., None], sides[None]).score(0).interval is not None
        for one, values, sides in zip(known.by_seed[:, 1], known.values[:, 1], known.sides, strict=True)
    ]
    assert 0 < np.mean(given) <= 1
    found = shared_rates(score, made, rng)
    gaps = [
        SharedScores(one[0][:, None], v[0][..., None], s[None])
        .difference(SharedScores(one[1][:, None], v[1][..., None], s[None]), 0)
        .interval
        is not None
        for one, v, s in zip(known.by_seed, known.values, known.sides, strict=True)
    ]
    assert found.given == pytest.approx(np.mean(gaps))


@pytest.mark.parametrize("name", list(GIVEN))
def test_what_is_given_is_right_about_as_often_as_it_says(name):
    found = shared_rates(GIVEN[name], Draw(300, 3, 50, 0.3, 0.5), np.random.default_rng(0))
    assert found.score >= 0.89
    if GIVEN[name].arms > 1:
        assert found.size <= 0.09
        assert found.difference >= 0.9


def test_what_is_withheld_would_be_right_too_rarely():
    rng = np.random.default_rng(0)
    apart = WITHHELD["Dice of all voxels"]["sizes 1.2, failing False"]
    assert covered(apart, Draw(400, 10, 20, 0.0, 0.0), rng) < 0.92
    rare = WITHHELD["the calibration error"]["mean -3.0, factor 0.8"]
    assert covered(rare, Draw(400, 10, 20, 0.0, 0.0), rng) < 0.6
