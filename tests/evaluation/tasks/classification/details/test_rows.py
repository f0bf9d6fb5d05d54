"""Precision, operating points and calibration of test images: of seeds, patients and labels."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.probabilities.calibration import calibration, error_by_chance
from pcrl.evaluation.statistics.probabilities.precision_recall import average_precision
from pcrl.evaluation.statistics.probabilities.recalibration import recalibration
from pcrl.evaluation.tasks.classification.details.calibration import calibration_rows
from pcrl.evaluation.tasks.classification.details.metrics import METRICS
from pcrl.evaluation.tasks.classification.details.operating import operating_rows, thresholds_of
from pcrl.evaluation.tasks.classification.details.precision import precision_rows
from pcrl.evaluation.tasks.classification.summary import Tables, results_of


def synthetic(images=80, columns=(0, 2), seed=0):
    """Tables of two images a patient, which are one study; the second of three labels is not scored."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (images, 3)).astype(np.float32)
    patients = [f"p{n // 2}" for n in range(images)]
    return Tables([str(n) for n in range(images)], patients, patients, ("a", "b", "c"), list(columns), truth)


def probabilities(tables, seeds=2):
    rng = np.random.default_rng(1)
    return {n: 0.3 * tables.truth + rng.uniform(0, 0.7, tables.truth.shape) for n in range(seeds)}


def by_name(rows):
    return {(row.label, row.metric): row for row in rows}


def test_precision_is_that_of_each_seed_with_what_guessing_comes_to_beside_it():
    tables = synthetic()
    runs = probabilities(tables)
    rows = by_name(precision_rows(runs, tables))
    expected = {
        name: np.mean([average_precision(p[:, column], tables.truth[:, column]) for p in runs.values()])
        for name, column in (("a", 0), ("c", 2))
    }
    for name, value in expected.items():
        row = rows[name, "auprc"]
        assert row.value == pytest.approx(value)
        assert row.interval[0] < value < row.interval[1]
        assert row.counts["positives"] + row.counts["negatives"] == 80
        assert sum(rows[name, "auprc_study"].counts.values()) == 40
    mean = rows["mean", "auprc"]
    assert mean.value == pytest.approx(np.mean(list(expected.values())))
    assert mean.interval[0] < mean.value < mean.interval[1]
    assert ("b", "auprc") not in rows


def test_a_label_without_positives_is_undefined_and_not_part_of_the_mean():
    tables = synthetic()
    tables.truth[:, 2] = 0
    rows = by_name(precision_rows(probabilities(tables), tables))
    assert rows["c", "auprc"].value is rows["c", "auprc"].interval is None
    assert rows["mean", "auprc"].value == rows["a", "auprc"].value


def test_the_threshold_is_of_validation_images_and_of_each_seed():
    tables = synthetic(columns=(0,))
    runs = probabilities(tables)
    validation = {
        0: (
            np.array([[0.1, 0, 0], [0.3, 0, 0], [0.5, 0, 0]]),
            np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]], np.float32),
        ),
        1: (np.array([[0.7, 0, 0], [0.9, 0, 0]]), np.array([[0, 0, 0], [1, 0, 0]], np.float32)),
    }
    thresholds = thresholds_of(validation, tables)
    assert {seed: of.round(9).tolist() for seed, of in thresholds.items()} == {0: [0.4], 1: [0.8]}
    rows = by_name(operating_rows(runs, thresholds, tables))
    positive = tables.truth[:, 0] == 1
    called = [runs[0][:, 0] >= 0.4, runs[1][:, 0] >= 0.8]
    assert rows["a", "sensitivity"].value == pytest.approx(np.mean([one[positive].mean() for one in called]))
    assert rows["a", "specificity"].value == pytest.approx(
        np.mean([(~one[~positive]).mean() for one in called])
    )
    assert rows["a", "sensitivity"].counts == {"positives": int(positive.sum())}
    assert rows["a", "specificity"].counts == {"negatives": int((~positive).sum())}
    low, high = rows["a", "sensitivity"].interval
    assert low < rows["a", "sensitivity"].value < high


def test_without_validation_images_there_is_no_threshold():
    tables = synthetic()
    runs = probabilities(tables, seeds=1)
    thresholds = thresholds_of({0: (np.zeros((0, 3)), np.zeros((0, 3), np.float32))}, tables)
    assert np.isnan(thresholds[0]).all()
    rows = operating_rows(runs, thresholds, tables)
    assert {(row.value, row.interval) for row in rows} == {(None, None)}


def test_calibration_is_the_mean_over_seeds_and_says_what_chance_comes_to():
    tables = synthetic(columns=(0,))
    runs = probabilities(tables)
    rows, truth = (
        by_name(calibration_rows(runs, results_of(runs, tables)["images"], tables)),
        tables.truth[:, 0],
    )
    each = [scores[:, 0] for scores in runs.values()]
    assert rows["a", "brier"].value == pytest.approx(np.mean([calibration(p, truth).brier for p in each]))
    assert rows["a", "calibration"].value == pytest.approx(
        np.mean([calibration(p, truth).error for p in each])
    )
    by_chance = np.mean([error_by_chance(p, truth) for p in each])
    assert rows["a", "calibration_by_chance"].value == pytest.approx(by_chance)
    shifts = [recalibration(p, truth) for p in each]
    assert rows["a", "calibration_slope"].value == pytest.approx(np.mean([s.slope for s in shifts]))
    assert rows["a", "calibration_intercept"].value == pytest.approx(np.mean([s.intercept for s in shifts]))


def test_every_metric_that_is_given_is_defined():
    tables = synthetic()
    runs = probabilities(tables, seeds=1)
    thresholds = thresholds_of({0: (runs[0], tables.truth)}, tables)
    rows = [
        *precision_rows(runs, tables),
        *operating_rows(runs, thresholds, tables),
        *calibration_rows(runs, results_of(runs, tables)["images"], tables),
    ]
    assert {row.metric for row in rows} == {metric.name for metric in METRICS}
    assert all(metric.definition for metric in METRICS)
    assert {m.ideal for m in METRICS if m.better == "nearer"} == {0.0, 1.0}


def test_few_patients_have_no_interval():
    tables = synthetic(images=18)
    assert {row.interval for row in precision_rows(probabilities(tables), tables)} == {None}


def test_intercept_and_slope_have_intervals_over_patients_and_the_error_says_why_not():
    tables = synthetic(images=120, columns=(0,))
    rows = by_name(
        calibration_rows(runs := probabilities(tables), results_of(runs, tables)["images"], tables)
    )
    for metric in ("calibration_intercept", "calibration_slope"):
        row = rows["a", metric]
        assert row.interval[0] < row.value < row.interval[1]
        assert row.why == ""
    assert rows["a", "calibration_slope"].interval[1] > 1.5
    assert rows["a", "calibration"].interval is None
    assert "23 to 100 %" in rows["a", "calibration"].why


def test_an_intercept_of_few_patients_says_why_it_has_no_interval():
    tables = synthetic(images=48, columns=(0,))
    rows = by_name(
        calibration_rows(runs := probabilities(tables), results_of(runs, tables)["images"], tables)
    )
    assert "fewer than 25 patients" in rows["a", "calibration_intercept"].why
    assert rows["a", "calibration_slope"].interval is not None


def test_a_slope_of_few_positives_says_why_it_has_no_interval():
    tables = synthetic(images=80, columns=(0,))
    tables.truth[:, 0] = 0
    tables.truth[[0, 30], 0] = 1
    rng = np.random.default_rng(4)
    runs = {seed: rng.uniform(0.1, 0.9, tables.truth.shape) for seed in range(2)}
    rows = by_name(calibration_rows(runs, results_of(runs, tables)["images"], tables))
    assert (
        "2 patients with the finding, 40 without: fewer than 3 of a side"
        in rows["a", "calibration_slope"].why
    )
    assert rows["a", "calibration_intercept"].interval is not None
    tables.truth[30, 0] = 0
    rows = by_name(calibration_rows(runs, results_of(runs, tables)["images"], tables))
    assert rows["a", "calibration_intercept"].why == "undefined without one of the patients"
