"""What overlaps come to where labels are missing, in truth or in predictions."""

import numpy as np
import pytest

from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.statistics.masks.overlap import Rules, compare
from pcrl.evaluation.statistics.patients import MEAN, Measured
from pcrl.evaluation.tasks.segmentation.summary import (
    PREDICTED,
    SUMMARIES,
    ScoredCase,
    arrays_of,
    comparisons_of,
    empty,
    global_rows,
    metrics_of,
    rows_of,
    without_absent,
)

ONE = (1.0, 1.0, 1.0)


def mask(size, start=2):
    """A cube in a volume of 12³ voxels; of size 0 nothing."""
    volume = np.zeros((12, 12, 12), bool)
    volume[start : start + size, start : start + size, start : start + size] = True
    return volume


def cases_of(cases, seed=0, rules=None):
    """Of patients, each a list of (prediction, truth), one a label, as `SegmentationTask` makes it."""
    arrays = arrays_of([[compare(*pair, ONE, rules) for pair in case] for case in cases])
    assert set(arrays) == PREDICTED
    return [
        ScoredCase(
            Measured(
                f"c{n}", f"p{n:02}", False, Replicate(seed), {name: arrays[name][n] for name in SUMMARIES}
            ),
            arrays["true"][n],
            arrays["total"][n] - arrays["true"][n],
        )
        for n in range(len(cases))
    ], arrays


def scored(tested, labels):
    return {(row.label, row.metric): row for row in rows_of(tested, labels)}


def test_predicting_nothing_does_not_improve_hd95():
    """One arm finds nothing in 12 of 36 runs of 12 patients, and is 1 mm off elsewhere; the other always 2 mm."""
    found = {
        "careless": [
            one
            for seed in range(3)
            for one in cases_of([[(mask(0 if seed == 0 else 4, 3), mask(4))] for _ in range(12)], seed)[0]
        ],
        "careful": [
            one
            for seed in range(3)
            for one in cases_of([[(mask(4, 4), mask(4))] for _ in range(12)], seed)[0]
        ],
    }
    rows = {arm: scored(each, ["liver"])["liver", "hd95"] for arm, each in found.items()}
    assert rows["careful"].value < rows["careless"].value
    assert rows["careless"].counts == {"predictions": 36, "missed entirely": 12}
    assert rows["careful"].counts == {}
    assert rows["careless"].patients == rows["careful"].patients == 12
    (comparison,) = [one for one in comparisons_of(found, ["liver"]) if one.metric == "hd95"]
    assert comparison.difference > 0
    assert comparison.patients == 12


def test_a_label_that_no_test_patient_has_is_undefined_and_not_part_of_the_mean():
    """However it is predicted: of 116 labels that nobody has, none counts as found."""
    labels = ["organ", *(f"label {n}" for n in range(115))]
    cases = [[(mask(4, 3), mask(4)), *[(mask(0), mask(0))] * 114, (mask(2), mask(0))] for _ in range(3)]
    found, arrays = cases_of(cases)
    rows = scored(without_absent(found), labels)
    dice = rows["organ", "dice"].value
    assert 0 < dice < 1
    assert rows[MEAN, "dice"].value == pytest.approx(dice)
    assert rows["label 3", "dice"].value is None
    assert rows["label 114", "dice"].value is None
    assert rows["label 114", "hd95"].value is rows["label 114", "nsd"].value is None
    # Nothing stands behind the mean but the label that is part of it.
    assert rows[MEAN, "dice"].counts == {}
    assert rows["label 114", "dice"].counts == {
        "undefined": 3,
        "predictions": 3,
        "found where there is none": 3,
    }
    whole = {row.label: row.value for row in global_rows({0: [arrays]}, labels, ["p0", "p1", "p2"])}
    assert whole["organ"] == pytest.approx(dice)
    assert whole["label 3"] is whole["label 114"] is None


def test_what_is_found_where_a_patient_has_nothing_counts_against_the_arm():
    cases = [[(mask(4), mask(4))], [(mask(2), mask(0))], [(mask(0), mask(0))], [(mask(0), mask(4))]]
    found = without_absent(cases_of(cases)[0])
    rows = scored(found, ["tumour"])
    assert rows["tumour", "dice"].value == pytest.approx((1 + 0 + 0) / 3)
    assert rows["tumour", "nsd"].value == pytest.approx(1 / 3)
    assert rows["tumour", "hd95"].value == pytest.approx(np.sqrt(3 * 12**2))
    expected = {
        "undefined": 1, "predictions": 4, "missed entirely": 1, "found where there is none": 1, "both empty": 1,
    }  # fmt: skip
    assert rows["tumour", "hd95"].counts == rows["tumour", "dice"].counts == expected


def test_the_mean_over_labels_counts_the_predictions_of_all():
    cases = [[(mask(0), mask(4)), (mask(4), mask(4))], [(mask(0), mask(4)), (mask(4), mask(0))]]
    found, _ = cases_of(cases)
    assert empty(found, ["a", "b"], MEAN) == {
        "predictions": 4, "missed entirely": 2, "found where there is none": 1,
    }  # fmt: skip
    assert empty(found, ["a", "b"], "b") == {"predictions": 2, "found where there is none": 1}


def test_definitions_say_what_is_done():
    dice, hd95, nsd, _ = metrics_of(Rules(tolerance=7.0))
    assert "larger of two 95th percentiles" in hd95.definition
    assert "diagonal of the scan" in hd95.definition
    assert "undefined" in dice.definition
    assert (nsd.title, hd95.summary) == ("NSD at 7 mm", "median")
    dice, hd95, nsd, _ = metrics_of(Rules(tolerance=5.0, missing_distance=373.13, absent_is_right=True))
    assert "373.13 mm" in hd95.definition
    assert "as in the challenge" in dice.definition
    assert "undefined" not in dice.definition
