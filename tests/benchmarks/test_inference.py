"""The simulation of intervals and tests computes what evaluations compute."""

import numpy as np
import pytest
from inference.families import DIAGONAL, FAILING, MEANS, MEDIANS, Draw
from inference.measure import areas_and_pseudo_values, rates

from pcrl.evaluation.statistics.inference.jackknife import deleted_aurocs, pseudo_values
from pcrl.evaluation.statistics.roc import auroc


def test_areas_of_all_simulations_are_those_of_each():
    rng = np.random.default_rng(0)
    positive = np.arange(12) < 5
    scores = rng.normal(size=(3, 2, 12))
    areas, values = areas_and_pseudo_values(scores, positive)
    for n in range(3):
        for seed in range(2):
            one = scores[n, seed]
            deleted = deleted_aurocs(one, positive.astype(float), np.arange(12), 12)
            assert areas[n, seed] == pytest.approx(auroc(one, positive))
            np.testing.assert_allclose(values[n, seed], pseudo_values(areas[n, seed], deleted))


@pytest.mark.parametrize("of_seed", [0.0, 0.6])
def test_families_fail_as_often_as_they_say_and_seeds_matter_as_much(of_seed):
    draw = Draw(400, 2, 100, of_seed, 0.0)
    dice = MEANS["Dice, failures"](np.random.default_rng(0), draw)
    assert np.mean(dice == 0) == pytest.approx(FAILING, abs=0.01)
    hd95 = MEDIANS["HD95, failures"](np.random.default_rng(0), draw)
    assert np.mean(hd95 > DIAGONAL / 2) == pytest.approx(FAILING, abs=0.015)
    normal = MEANS["Dice, normal"](np.random.default_rng(0), draw)
    of_seeds = np.diff(normal.mean(axis=3), axis=2).std() / 0.05 / np.sqrt(2)
    assert of_seeds == pytest.approx(np.hypot(of_seed, 0.05), abs=0.05)


@pytest.mark.parametrize("name", ["Dice, normal", "HD95, failures", "AUROC 0.8, half positive"])
def test_what_is_given_is_right_about_as_often_as_it_says(name):
    found = rates(name, Draw(300, 3, 50, 0.3, 0.5), np.random.default_rng(0))
    assert found.size <= 0.09
    assert found.difference >= 0.9
    assert found.score >= 0.9


def test_means_of_ten_patients_have_a_test_and_no_interval():
    found = rates("Dice, failures", Draw(300, 3, 10, 0.3, 0.5), np.random.default_rng(0))
    assert (found.difference, found.score, found.given) == (None, None, 0.0)
    assert found.size <= 0.09
