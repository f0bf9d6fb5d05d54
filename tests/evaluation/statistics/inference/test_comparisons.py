"""Comparisons are corrected for how many there are on their test set."""

import pytest

from pcrl.evaluation.statistics.inference.comparisons import comparison, corrected
from pcrl.evaluation.statistics.inference.estimate import Estimate


def with_p(p, beside=False):
    known = Estimate(0.1, (0.1, 0.1), None, p)
    return comparison(("one", "other"), ("mean", "auroc"), known, (0, 1), 30).model_copy(
        update={"beside": beside}
    )


def test_what_is_tested_beside_the_end_point_costs_it_nothing_and_is_corrected_too():
    alone = corrected([with_p(0.02), with_p(0.04)])
    both = corrected([with_p(0.02), with_p(0.03, True), with_p(0.04), with_p(0.01, True), with_p(0.6, True)])
    assert [each.p_holm for each in both if not each.beside] == [each.p_holm for each in alone]
    assert [each.p_holm for each in alone] == pytest.approx([0.04, 0.04])
    assert [each.p_holm for each in both if each.beside] == pytest.approx([0.06, 0.03, 0.6])
    assert [each.p for each in both] == [0.02, 0.03, 0.04, 0.01, 0.6]


def test_what_has_no_p_is_not_counted():
    assert [each.p_holm for each in corrected([with_p(None), with_p(0.04), with_p(None, True)])] == [
        None,
        0.04,
        None,
    ]
