"""Summaries over patients and seeds, worked out by hand."""

import numpy as np
import pytest

from pcrl.evaluation.segmentation import Target, summarise

LIVER = Target(("liver",), ((1, 2),))


def run(cases):
    return {
        "cases": {
            name: {"patient": patient, "liver": {"dice": dice, "hd95": hd95}}
            for name, (patient, dice, hd95) in cases.items()
        },
        "global_dice": {"liver": 0.5},
    }


def test_the_patient_is_the_unit_and_seeds_come_first():
    runs = [
        run({"a1": ("a", 0.2, 4.0), "a2": ("a", 0.4, None), "b": ("b", 0.6, 2.0), "c": ("c", 0.9, 1.0)}),
        run({"a1": ("a", 0.4, 8.0), "a2": ("a", 0.6, None), "b": ("b", 0.8, 4.0), "c": ("c", 1.0, 1.0)}),
    ]
    liver = summarise(runs, LIVER)["liver"]
    assert liver["patients"]["a"] == {"dice": pytest.approx(0.4), "hd95": pytest.approx(6.0)}
    by_patient = [0.4, 0.7, 0.95]
    assert liver["dice"] == {
        "mean": pytest.approx(np.mean(by_patient)),
        "sd": pytest.approx(np.std(by_patient, ddof=1)),
    }
    assert liver["hd95"]["mean"] == pytest.approx(np.mean([6.0, 3.0, 1.0]))
    assert liver["hd95_undefined"] == 2


def test_two_patients_are_no_sample():
    liver = summarise([run({"a": ("a", 0.2, 4.0), "b": ("b", 0.6, None)})], LIVER)["liver"]
    assert "dice" not in liver
    assert liver["patients"]["b"] == {"dice": 0.6, "hd95": None}
