"""From cases to patients to rows and comparisons, worked out by hand."""

import numpy as np
import pytest

from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.statistics.inference.estimate import difference
from pcrl.evaluation.statistics.patients import MEAN, Measured, case_rows, compare_first, of_patients, rows
from pcrl.evaluation.tasks.segmentation.pictures import extremes

NAN = float("nan")


def measured(cases, seed=0, fold=None):
    """Case → (patient, Dice of each label, HD95 of each label)."""
    return [
        Measured(
            name, patient, False, Replicate(seed, fold),
            {"dice": np.atleast_1d(np.array(dice, float)), "hd95": np.atleast_1d(np.array(hd95, float))},
        )
        for name, (patient, dice, hd95) in cases.items()
    ]  # fmt: skip


TWO_SEEDS = [
    *measured({"a1": ("a", 0.2, 4.0), "a2": ("a", 0.4, NAN), "b": ("b", 0.6, 2.0), "c": ("c", 0.9, 1.0)}),
    *measured({"a1": ("a", 0.4, 8.0), "a2": ("a", 0.6, NAN), "b": ("b", 0.8, 4.0), "c": ("c", 1.0, 1.0)}, 1),
]


def test_the_patient_is_the_unit_and_seeds_come_first():
    found = of_patients(TWO_SEEDS, "dice", 0)
    assert (found.seeds, found.patients) == ((0, 1), ("a", "b", "c"))
    np.testing.assert_allclose(found.values, [[0.3, 0.6, 0.9], [0.5, 0.8, 1.0]])
    np.testing.assert_allclose(of_patients(TWO_SEEDS, "hd95", 0).values, [[4, 2, 1], [8, 4, 1]])
    (dice,), (hd95,) = (rows(TWO_SEEDS, ["liver"], metric) for metric in ("dice", "hd95"))
    by_patient = [0.4, 0.7, 0.95]
    assert (dice.label, dice.metric, dice.patients, dice.counts) == ("liver", "dice", 3, {})
    assert (dice.value, dice.sd) == pytest.approx((np.mean(by_patient), np.std(by_patient, ddof=1)))
    assert hd95.value == pytest.approx(np.mean([6.0, 3.0, 1.0]))
    assert dice.by_seed == {0: pytest.approx(0.6), 1: pytest.approx(2.3 / 3)}
    assert (dice.interval, dice.why[:24]) == (None, "fewer than 20 patients: ")


def test_a_median_is_that_of_each_seed_and_has_no_standard_deviation():
    (row,) = rows(TWO_SEEDS, ["liver"], "hd95", "median")
    assert (row.value, row.by_seed, row.sd) == (3.0, {0: 2.0, 1: 4.0}, None)


def test_a_patient_who_is_undefined_with_one_seed_is_counted_as_undefined():
    found = [
        *measured({"a": ("a", 0, 4.0), "b": ("b", 0, NAN)}),
        *measured({"a": ("a", 0, 6.0), "b": ("b", 0, 20.0)}, 1),
    ]
    (row,) = rows(found, ["liver"], "hd95")
    assert (row.value, row.by_seed, row.patients, row.counts) == (5.0, {0: 4.0, 1: 6.0}, 1, {"undefined": 1})


def test_two_patients_are_no_sample_and_undefined_ones_are_counted():
    found = measured({"a": ("a", 0.2, 4.0), "b": ("b", 0.6, NAN)})
    (dice,), (hd95,) = (rows(found, ["liver"], metric) for metric in ("dice", "hd95"))
    assert (dice.value, dice.sd, dice.patients) == (pytest.approx(0.4), None, 2)
    assert (hd95.value, hd95.patients, hd95.counts) == (4.0, 1, {"undefined": 1})
    (none,) = rows(measured({"b": ("b", 0.0, NAN)}), ["liver"], "hd95")
    assert (none.value, none.sd, none.interval, none.patients, none.counts) == (
        None,
        None,
        None,
        0,
        {"undefined": 1},
    )


def test_patients_of_all_folds_are_one_sample():
    found = [
        *measured({"a": ("a", 0.2, 1)}, 0, 0),
        *measured({"b": ("b", 0.5, 1)}, 0, 1),
        *measured({"c": ("c", 0.8, 1)}, 0, 2),
    ]
    (row,) = rows(found, ["liver"], "dice")
    assert (row.patients, row.value, row.sd) == (3, pytest.approx(0.5), pytest.approx(0.3))


def test_the_mean_is_of_the_labels_that_a_case_has():
    found = measured({"a": ("a", (0.2, 0.4), (1.0, NAN)), "b": ("b", (0.6, 1.0), (3.0, 5.0))})
    assert [row.label for row in rows(found, ["liver", "tumour"], "dice")] == ["liver", "tumour", MEAN]
    assert rows(found, ["liver", "tumour"], "dice")[2].value == pytest.approx((0.3 + 0.8) / 2)
    assert rows(found, ["liver", "tumour"], "hd95")[2].value == pytest.approx((1.0 + 4.0) / 2)
    # Of one label there is no mean beside it.
    assert [row.label for row in rows(TWO_SEEDS, ["liver"], "dice")] == ["liver"]


def test_rows_of_cases_are_averaged_over_seeds():
    found = {row.case: row for row in case_rows(TWO_SEEDS, ["liver"])}
    assert list(found) == ["a1", "a2", "b", "c"]
    assert found["a1"].values == {"dice": pytest.approx(0.3), "hd95": 6.0}
    assert found["a2"].values == {"dice": pytest.approx(0.5), "hd95": None}
    assert (found["a2"].patient, found["a2"].label, found["a2"].virtual) == ("a", "liver", False)
    several = case_rows(measured({"a": ("a", (0.2, 0.4), (1.0, NAN))}), ["liver", "tumour"])
    assert [(row.label, row.values["dice"], row.values["hd95"]) for row in several] == [
        ("liver", 0.2, 1),
        ("tumour", 0.4, None),
    ]


def several(scores, distances=None):
    """A case for each patient."""
    distances = np.zeros(len(scores)) if distances is None else distances
    return measured({f"c{n}": (f"p{n:02}", scores[n], distances[n]) for n in range(len(scores))})


def test_the_first_arm_is_compared_with_every_other_over_the_same_patients():
    rng = np.random.default_rng(0)
    scores = {arm: rng.uniform(0, 1, 12) for arm in ("pretrained", "scratch", "permuted")}
    found = compare_first(
        {arm: several(values) for arm, values in scores.items()}, ["liver"], {"dice": "mean"}
    )
    assert [(one.arm, one.minus, one.label, one.metric) for one in found] == [
        ("pretrained", "scratch", "liver", "dice"),
        ("pretrained", "permuted", "liver", "dice"),
    ]
    differences = scores["pretrained"] - scores["scratch"]
    assert found[0].difference == pytest.approx(differences.mean())
    assert (found[0].p, found[0].interval, found[0].patients) == (None, None, 12)
    assert found[0].why == "one training: differences of this size come by chance"


def test_seeds_are_compared_pair_by_pair():
    """The same seed has the same labelled patients in both arms: what it adds to both is no difference."""
    rng = np.random.default_rng(0)
    base, gain = rng.uniform(0.3, 0.6, 24), rng.normal(0.05, 0.01, (3, 24))
    first, second = [], []
    for seed, draw in enumerate((-0.2, 0.0, 0.2)):
        for arm, values in ((first, base + draw + gain[seed]), (second, base + draw)):
            arm += [
                Measured(one.case, one.patient, False, Replicate(seed), one.values) for one in several(values)
            ]
    (found,) = compare_first({"a": first, "b": second}, ["liver"], {"dice": "mean"})
    expected = difference(gain.mean(axis=1), gain)
    assert found.by_seed == {seed: pytest.approx(value) for seed, value in enumerate(expected.by_seed)}
    assert found.interval == pytest.approx(expected.interval)
    assert found.p == pytest.approx(expected.p, rel=1e-6)
    assert found.p < 0.01


def test_a_comparison_is_of_patients_for_whom_both_are_defined():
    first, second = (
        several(np.zeros(7), [1, 2, NAN, 4, 5, 6, 7]),
        several(np.zeros(7), [2, 2, 3, NAN, 5, 5, 9]),
    )
    (one,) = compare_first({"one": first, "other": second}, ["liver"], {"hd95": "mean"})
    assert (one.patients, one.p, one.interval) == (5, None, None)
    assert one.difference == pytest.approx(np.mean([-1, 0, 0, 1, -2]))
    nobody = several(np.zeros(7), [NAN] * 7)
    assert compare_first({"one": first, "other": nobody}, ["liver"], {"hd95": "mean"}) == []


def test_an_arm_that_misses_a_label_is_not_nearer_for_it():
    """One finds no tumour and has the liver's distance alone: only that is compared."""
    first = measured({"a": ("a", (0.9, 0.0), (2.0, NAN)), "b": ("b", (0.9, 0.5), (2.0, 10.0))})
    second = measured({"a": ("a", (0.9, 0.5), (1.0, 30.0)), "b": ("b", (0.9, 0.5), (1.0, 30.0))})
    found = {
        (one.label, one.metric): one
        for one in compare_first(
            {"x": first, "y": second}, ["liver", "tumour"], {"dice": "mean", "hd95": "mean"}
        )
    }
    assert found["tumour", "hd95"].patients == 1
    assert found[MEAN, "hd95"].difference == pytest.approx((1.0 + (1.0 - 20.0) / 2) / 2)
    assert found[MEAN, "hd95"].patients == 2
    assert found[MEAN, "dice"].difference == pytest.approx((-0.25 + 0) / 2)


def test_copies_make_nothing_surer():
    """The patient is the unit: another scan with the same scores changes no p."""
    rng = np.random.default_rng(0)
    arms = {
        arm: [
            Measured(one.case, one.patient, False, Replicate(seed), one.values)
            for seed in range(2)
            for one in several(rng.uniform(0, 1, 8))
        ]
        for arm in "ab"
    }
    again = {
        arm: [
            *found,
            *(Measured(one.case + "x", one.patient, False, one.replicate, one.values) for one in found),
        ]
        for arm, found in arms.items()
    }
    assert compare_first(again, ["liver"], {"dice": "mean"}) == compare_first(
        arms, ["liver"], {"dice": "mean"}
    )


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.5,), {"best": "c0"}),
        ((0.5, 0.7), {"best": "c1", "worst": "c0"}),
        ((0.1, 0.9, 0.4, 0.5, 0.3), {"best": "c1", "median": "c2", "worst": "c0"}),
    ],
)
def test_the_best_the_median_and_the_worst_case_are_shown_none_twice(scores, expected):
    second = [
        Measured(m.case, m.patient, False, Replicate(1), {"dice": 1 - m.values["dice"]})
        for m in several(scores)
    ]
    pictures = extremes({"pretrained": [*several(scores), *second]}, ["liver"], "dice")
    assert {one.rank: one.case for one in pictures} == expected
    assert all(one.file == f"overlays/{one.case}-pretrained-seed0.png" for one in pictures)
    assert [one.value for one in pictures] == sorted((one.value for one in pictures), reverse=True)
    assert {one.label for one in pictures} == {"liver"}
