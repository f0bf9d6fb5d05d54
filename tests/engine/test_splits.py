"""Splits by patient: the same everywhere, never separating a patient."""

from collections import Counter
from itertools import pairwise

from pcrl.datasets.case import Case
from pcrl.engine.splits import assign, fraction_of, split_of


def test_shares_and_stability():
    counts = Counter(split_of(f"patient-{n}") for n in range(10_000))
    assert abs(counts["train"] - 7000) < 150
    assert abs(counts["val"] - 1000) < 100
    assert [split_of(f"patient-{n}") for n in range(6)] == [
        split_of(f"patient-{n}", seed=0) for n in range(6)
    ]


def test_a_patient_is_on_one_side_and_the_stricter_one():
    cases = [
        Case("a", "anna", (), split="train"),
        Case("b", "anna", (), split="test"),
        Case("c", "bert", ()),
        Case("d", "bert", ()),
    ]
    splits, notes = assign(cases)
    assert splits["a"] == splits["b"] == "test"
    assert splits["c"] == splits["d"]
    assert "anna" in notes[0]


def test_fractions_nest_and_round_up():
    patients = [f"p{n}" for n in range(30)]
    assert len(fraction_of(patients, 0.1, 0)) == 3
    assert len(fraction_of(patients, 0.11, 0)) == 4
    assert len(fraction_of(patients, 0.001, 0)) == 1
    for seed in range(3):
        chosen = [fraction_of(patients, f, seed) for f in (0.01, 0.1, 0.5, 1.0)]
        for small, large in pairwise(chosen):
            assert large[: len(small)] == small
    assert fraction_of(patients, 0.5, 0) != fraction_of(patients, 0.5, 1)
