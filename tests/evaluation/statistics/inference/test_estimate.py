"""What is given, what is withheld, and the words for it."""

import numpy as np
import pytest

from pcrl.evaluation.records.results import Comparison
from pcrl.evaluation.statistics.inference.comparisons import corrected
from pcrl.evaluation.statistics.inference.estimate import (
    ALL_EQUAL,
    ONE_TRAINING,
    TOO_FEW,
    TOO_FEW_TO_TEST,
    difference,
    median_difference,
    median_score,
    score,
)
from pcrl.evaluation.statistics.inference.holm import holm


def values(seeds, patients, mean=0.5, drawn=0):
    return np.random.default_rng(drawn).normal(mean, 0.1, (seeds, patients))


def test_a_score_has_its_seeds_and_an_interval_round_their_mean():
    of = values(3, 25)
    found = score(of.mean(axis=1), of)
    assert found.by_seed == pytest.approx(of.mean(axis=1))
    assert found.value == pytest.approx(of.mean())
    assert found.interval[0] < found.value < found.interval[1]
    assert (found.p, found.why) == (None, "")


def test_no_interval_leaves_the_range_of_the_score():
    of = values(3, 25, mean=0.99)
    assert score(of.mean(axis=1), of).interval[1] == 1.0
    assert score(of.mean(axis=1), of, limits=None).interval[1] > 1.0


def test_one_training_has_an_interval_of_its_score_but_no_test():
    of = values(1, 25)
    assert score(of.mean(axis=1), of).interval is not None
    for found in (difference(of.mean(axis=1), of), median_difference(of)):
        assert (found.interval, found.p, found.why) == (None, None, ONE_TRAINING)


@pytest.mark.parametrize(
    ("patients", "interval", "tested"),
    [(5, False, False), (6, False, True), (19, False, True), (20, True, True)],
)
def test_few_patients_have_no_interval_of_a_mean_and_fewer_no_p(patients, interval, tested):
    of = values(3, patients)
    one, gap = score(of.mean(axis=1), of), difference(of.mean(axis=1), of)
    assert ((one.interval is not None), one.why == "") == (interval, interval)
    assert ((gap.interval is not None), gap.p is not None) == (interval, tested)
    if not interval:
        assert one.why == TOO_FEW
        assert gap.why == (TOO_FEW if tested else TOO_FEW_TO_TEST)


def test_medians_have_an_interval_from_six_patients_on():
    assert median_score(values(3, 6)).interval is not None
    assert median_score(values(3, 5)).why == TOO_FEW_TO_TEST
    assert median_difference(values(3, 5)).p is None
    assert median_difference(values(3, 6)).p is not None


def test_the_same_arm_twice_has_p_1():
    nothing = np.zeros((3, 25))
    found = difference(nothing.mean(axis=1), nothing)
    assert (found.value, found.p, found.interval, found.why) == (0.0, 1.0, None, ALL_EQUAL)
    assert median_difference(nothing).p == 1.0


def test_a_score_without_spread_has_no_interval_of_no_width():
    perfect = np.ones((3, 25))
    assert (score(perfect.mean(axis=1), perfect).interval, score(perfect.mean(axis=1), perfect).why) == (
        None,
        ALL_EQUAL,
    )


def test_holm_by_hand():
    assert holm([0.01, None, 0.04, 0.03]) == [
        pytest.approx(0.03),
        None,
        pytest.approx(0.06),
        pytest.approx(0.06),
    ]
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]


def test_comparisons_are_corrected_as_one_family():
    plain = [
        Comparison(
            label="liver", metric=m, arm="a", minus="b", difference=0.1, interval=None, p=p, patients=9
        )
        for m, p in (("dice", 0.02), ("hd95", None), ("nsd", 0.03))
    ]
    assert [one.p_holm for one in corrected(plain)] == [pytest.approx(0.04), None, pytest.approx(0.04)]
    assert [one.p for one in corrected(plain)] == [0.02, None, 0.03]
