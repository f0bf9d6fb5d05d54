"""A budget of labels: what validates is part of it, and nobody changes sides when it grows."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.evaluation.cohorts.budget import divide


def people(letter, count):
    return [f"{letter}{n}" for n in range(count)]


def every_budget(training, validation, seed=0):
    """The division at each possible number of labelled patients."""
    everyone = training + validation
    return [
        divide(people("t", training), people("v", validation), budget / everyone, seed)
        for budget in range(1, everyone + 1)
    ]


def test_one_labelled_patient_in_eight_validates_and_the_rest_trains():
    for budget, found in enumerate(every_budget(87, 13), 1):
        assert found.budget == budget
        assert len(found.train) + len(found.validation) <= budget
        assert len(found.validation) == (min(budget // 8, 13) if budget >= 24 else 0)
        if budget not in (22, 23):
            assert len(found.train) == min(87, budget - len(found.validation))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(0, 40), st.integers(0, 5))
def test_nobody_changes_sides_when_the_budget_grows(training, validation, seed):
    found = every_budget(training, validation, seed)
    for less, more in pairwise(found):
        assert less.train <= more.train
        assert less.validation <= more.validation
    for one in found:
        assert one.train
        assert one.train <= set(people("t", training))
        assert one.validation <= set(people("v", validation))
        assert len(one.validation) not in (1, 2)
    assert len(found[-1].train) >= min(training, (training + validation) * 7 // 8)


def test_patients_who_would_have_to_leave_wait_and_it_is_said():
    found = {one.budget: one for one in every_budget(40, 10)}
    assert [len(found[budget].train) for budget in (20, 21, 22, 23, 24, 25)] == [20, 21, 21, 21, 21, 22]
    assert (
        "2 of the 23 labelled patients are not used: with 24 of them, 3 validate"
        in found[23].notes("budget")[1]
    )
    assert len(found[21].notes("budget")) == 1
    assert found[24].notes("budget") == []
    assert found[24].describe() == "24 labelled patients used in all, of 40 to train on and 10 to validate on"


@pytest.mark.parametrize(("training", "validation"), [(18, 5), (40, 2), (40, 0)])
def test_where_nobody_will_ever_validate_nobody_waits(training, validation):
    found = every_budget(training, validation)
    assert [len(one.train) for one in found] == [
        min(n, training) for n in range(1, training + validation + 1)
    ]
    assert not any(one.validation for one in found)
    assert all("which is kept" in one.notes("budget")[0] for one in found)


def test_all_of_them_validate_beside_the_budget_if_that_is_asked_for():
    found = divide(people("t", 40), people("v", 2), 0.1, 0, "all")
    assert (len(found.train), len(found.validation), found.budget) == (4, 2, 6)
    assert found.notes("all") == []


def test_seeds_draw_other_patients_for_both_sides():
    drawn = [divide(people("t", 90), people("v", 10), 0.3, seed) for seed in range(4)]
    assert len({one.train for one in drawn}) == 4
    assert len({one.validation for one in drawn}) > 1
