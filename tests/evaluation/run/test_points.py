"""Points and paired differences along a curve over label fractions."""

import csv
import json

import pytest

from pcrl.evaluation.records.curve_difference import CurveDifference
from pcrl.evaluation.run.points import (
    corrected_along,
    differences_of,
    points_of,
    write_differences,
    write_points,
)
from tests.helpers import example_results


def along(fractions=(0.1, 1.0)):
    """Of the same evaluation at each fraction."""
    results = example_results.classification()
    points = [point for share in fractions for point in points_of(results, share, f"fraction-{share:g}")]
    differences = [
        one for share in fractions for one in differences_of(results, share, f"fraction-{share:g}")
    ]
    return results, points, corrected_along(differences)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_differences_are_those_of_the_end_point_of_the_mean():
    results, _, differences = along((0.5,))
    assert [each.comparison.difference for each in differences] == [
        each.difference for each in results.comparisons if (each.metric, each.label) == ("auroc", "mean")
    ]
    assert {(each.fraction, each.training_patients, each.folder) for each in differences} == {
        (0.5, results.training_patients, "fraction-0.5")
    }
    several = example_results.segmentation()
    assert {each.comparison.label for each in differences_of(several, 1.0, "")} == {"liver"}


def test_all_differences_along_the_curve_are_one_family():
    results, _, differences = along()
    raw = [each.p for each in results.comparisons] * 2
    assert sorted(raw) == [0.012, 0.012, 0.12, 0.12]
    # 4 · 0.012, 3 · 0.012 raised to that, 2 · 0.12 twice.
    assert sorted(each.comparison.p_holm for each in differences) == pytest.approx([0.048, 0.048, 0.24, 0.24])


def test_tables_hold_differences_and_every_seed(tmp_path):
    results, points, differences = along()
    write_points(points, tmp_path)
    write_differences(points, differences, tmp_path)
    stored = json.loads((tmp_path / "curve-differences.json").read_text(encoding="utf-8"))
    assert tuple(CurveDifference(**each) for each in stored) == differences
    rows = read(tmp_path / "curve-differences.csv")
    assert [(float(r["fraction"]), r["minus"], float(r["p_holm"]), r["seeds"]) for r in rows] == [
        (each.fraction, each.comparison.minus, each.comparison.p_holm, "2") for each in differences
    ]
    counts = ("training_patients", "validation_patients", "labelled_patients")
    assert {tuple(int(r[name]) for name in counts) for r in rows} == {
        (results.training_patients, results.validation_patients, results.labelled_patients)
    }
    seeds = read(tmp_path / "curve-seeds.csv")
    assert [tuple(int(r[name]) for name in counts) for r in seeds] == [
        (results.training_patients, results.validation_patients, results.labelled_patients)
    ] * len(seeds)
    of_differences = [r for r in seeds if r["minus"]]
    assert len(of_differences) == 2 * len(differences)
    assert [float(r["value"]) for r in of_differences] == [
        value for each in differences for value in each.comparison.by_seed.values()
    ]
    assert len(seeds) - len(of_differences) == sum(len(point.by_seed) for point in points)
    assert [point.by_seed for point in points][: len(results.arms)] == [
        next(row.by_seed for row in arm.rows if (row.metric, row.label) == ("auroc", "mean"))
        for arm in results.arms
    ]
