"""FROC against a case by hand, against MONAI, and against LUNA16's script taken literally."""

import numpy as np
import pytest
from monai.metrics.froc import compute_froc_curve_data, compute_froc_score

from pcrl.evaluation.statistics.froc import (
    RATES,
    Detections,
    cpm,
    deleted_sensitivities,
    froc_curve,
    sensitivities,
)
from pcrl.evaluation.tasks.candidates.candidates import Candidates, Nodules, read_candidates
from pcrl.evaluation.tasks.candidates.detections import detections
from tests.helpers.luna import script as luna_script
from tests.helpers.luna import tree as luna_tree
from tests.helpers.luna.tree import ingested


def made(scans, false, nodules):
    """Detections from (scan, score) of false positives and of nodules; a score of None is missed."""
    return Detections(
        scans,
        np.array([score for _, score in false], float),
        np.array([scan for scan, _ in false], int),
        np.array([-np.inf if score is None else score for _, score in nodules], float),
        np.array([scan for scan, _ in nodules], int),
    )


def drawn(seed, scans=12, false=60, nodules=9, missed=3, levels=20):
    rng = np.random.default_rng(seed)
    return made(
        scans,
        [(int(rng.integers(scans)), int(rng.integers(levels)) / levels) for _ in range(false)],
        [
            (int(rng.integers(scans)), (int(rng.integers(levels)) + 0.5) / levels)
            for _ in range(nodules - missed)
        ]
        + [(int(rng.integers(scans)), None) for _ in range(missed)],
    )


def test_a_case_by_hand():
    # Two scans and three nodules, of which one is missed. By falling score:
    #   0.9 nodule   0 false, 1 of 3  -> (0,   1/3)
    #   0.8 false    1 false, 1 of 3  -> (1/2, 1/3)
    #   0.7 both     2 false, 2 of 3  -> (1,   2/3)   (equal scores are one point)
    #   0.1 false    3 false, 2 of 3  -> (3/2, 2/3)
    found = made(2, [(0, 0.8), (1, 0.7), (1, 0.1)], [(0, 0.9), (1, 0.7), (1, None)])
    false, true = froc_curve(found)
    np.testing.assert_allclose(false, [0, 0, 0.5, 1, 1.5])
    np.testing.assert_allclose(true, [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    # At 1/8, 1/4, 1/2: 1/3. At 1, and beyond the last point at 2, 4, 8: 2/3.
    np.testing.assert_allclose(sensitivities(found), [1 / 3] * 3 + [2 / 3] * 4)
    assert cpm(found) == pytest.approx((3 / 3 + 8 / 3) / 7)


def test_between_points_the_curve_is_straight():
    # (0, 0), (1/4, 0), (1/2, 1): four scans, the nodule comes with the second false positive. At 3/8 it is half way.
    false, true = froc_curve(made(4, [(0, 0.9), (0, 0.5)], [(1, 0.5)]))
    assert np.interp(3 / 8, false, true) == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_monai_gives_the_same(seed):
    found = drawn(seed, missed=0 if seed == 3 else 3)
    true = np.where(np.isfinite(found.nodule_scores), found.nodule_scores, -1.0)
    # Without a missed nodule MONAI leaves out its last point: one more "nodule" below all gives it back, as it is not
    # among the targets.
    theirs = compute_froc_curve_data(found.false_scores, np.append(true, -1.0), len(true), found.scans)
    false, sensitivity = froc_curve(found)
    np.testing.assert_allclose(false, theirs[0][::-1])
    np.testing.assert_allclose(sensitivity, theirs[1][::-1])
    assert cpm(found) == pytest.approx(compute_froc_score(*theirs, RATES))
    if seed == 3:
        short = compute_froc_curve_data(found.false_scores, true, len(true), found.scans)
        assert len(short[0]) == len(false) - 1


@pytest.fixture(scope="module")
def three_scans(tmp_path_factory):
    root = tmp_path_factory.mktemp("luna")
    luna_tree.write_luna(root / "luna", 3)
    return ingested(root / "luna", root / "cache")


@pytest.mark.parametrize("seed", range(20))
def test_lunas_script_taken_literally_gives_the_same(seed, three_scans):
    """Random tables with overlapping nodules, double hits, excluded ones on nodules, and a scan without candidates."""
    rng = np.random.default_rng(seed)
    series = ["1.2.0", "1.2.1", "1.2.2"]
    tables = {"class": [], "diameter_mm": [], "excluded": []}
    for name in series[:2]:
        points = luna_tree.world((20, 24, 28)) + rng.uniform(-9, 9, (40, 3))
        tables["class"] += [[name, *point, 0] for point in points]
        near = points[:8] + rng.normal(0, 2, (8, 3))
        tables["diameter_mm"] += [
            [name, *point, d] for point, d in zip(near, rng.uniform(4, 14, 8), strict=True)
        ]
        tables["excluded"] += [[name, *point, -1] for point in points[6:14]]
    tables["diameter_mm"].append(["1.2.2", *luna_tree.world((9, 9, 9)), 6.0])
    for path, value, key in (
        ("candidates_V2.csv", "class", "class"),
        ("annotations.csv", "diameter_mm", "diameter_mm"),
        ("annotations_excluded.csv", "diameter_mm", "excluded"),
    ):
        luna_tree.write_table(three_scans.folder / "tables" / path, value, tables[key])
    candidates, nodules = read_candidates(three_scans)
    assert len(np.unique(candidates.hits[:, 0])) < len(candidates.hits), "none hits two: the test is too easy"
    scores = rng.integers(0, 12, len(candidates)) / 12
    found = detections(scores, np.arange(len(candidates)), candidates, nodules, [0, 1, 2])
    annotations, marks = {}, {}
    for state, key in (("Included", "diameter_mm"), ("Excluded", "excluded")):
        for name, *rest in tables[key]:
            annotations.setdefault(name, []).append((*rest, state))
    for (name, x, y, z, _), score in zip(tables["class"], scores, strict=True):
        marks.setdefault(name, []).append((x, y, z, score))
    false, true = luna_script.evaluate(series, annotations, marks)
    ours = froc_curve(found)
    np.testing.assert_allclose(ours[0], false)
    np.testing.assert_allclose(ours[1], true)
    assert cpm(found) == pytest.approx(np.interp(RATES, false, true).mean())


def few():
    """Two scans, five candidates, three nodules: 0 is hit twice, 1 once, 2 never; candidate 4 is on an excluded one."""
    hits = np.array([[0, 0], [1, 0], [2, 1]])
    zeros = np.zeros((5, 3))
    candidates = Candidates(
        np.arange(5), np.array([0, 0, 1, 1, 1]), zeros, np.array([1, 1, 1, 0, 0], bool), np.array([0, 0, 1, -1, -1]),
        np.array([0, 0, 0, 0, 1], bool), hits, (),
    )  # fmt: skip
    return candidates, Nodules(np.array([0, 1, 2]), np.zeros((3, 3)), np.ones(3))


def test_what_counts():
    candidates, nodules = few()
    scores = np.array([0.2, 0.6, 0.4, 0.3, 0.9])
    found = detections(scores, np.arange(5), candidates, nodules, [2, 0, 1, 3])
    assert found.scans == 4
    assert found.nodule_scores.tolist() == [0.6, 0.4, -np.inf]
    assert found.nodule_scans.tolist() == [1, 2, 0]
    assert found.false_scores.tolist() == [0.3]
    assert found.false_scans.tolist() == [2]
    # Only some of the scans: nodules of the others are not missed.
    part = detections(scores[:2][::-1], np.array([1, 0]), candidates, nodules, [0])
    assert part.nodule_scores.tolist() == [0.6]
    assert cpm(part) == 1.0


def test_what_cannot_be_is_refused():
    candidates, nodules = few()
    rows = np.arange(5)
    for scores, at, scans, named in (
        (np.array([0, 0, 0, 0, np.nan]), rows, [0, 1], "1 of 5 scores are not finite"),
        (np.zeros(4), rows, [0, 1], "4 scores, but 5 candidates"),
        (np.zeros(5), rows * 0, [0, 1], "given twice"),
        (np.zeros(5), rows, [0], "candidate 2 is of a case"),
    ):
        with pytest.raises(ValueError, match=named):
            detections(scores, at, candidates, nodules, scans)
    with pytest.raises(ValueError, match="needs nodules"):
        cpm(made(3, [(0, 0.5)], []))
    assert cpm(made(3, [(0, 0.5)], [(1, None)])) == 0.0
    assert cpm(made(3, [], [(1, 0.5), (1, None)])) == 0.5


def test_without_a_patient_it_is_what_the_others_give():
    found = drawn(7)
    patients = [f"p{n // 2:02}" for n in range(12)]
    got = deleted_sensitivities(found, patients)
    for row, name in zip(got, np.unique(patients), strict=True):
        number = {scan: n for n, scan in enumerate(scan for scan in range(12) if patients[scan] != name)}
        false = [
            (number[scan], score)
            for scan, score in zip(found.false_scans.tolist(), found.false_scores.tolist(), strict=True)
            if scan in number
        ]
        nodules = [
            (number[scan], score if np.isfinite(score) else None)
            for scan, score in zip(found.nodule_scans.tolist(), found.nodule_scores.tolist(), strict=True)
            if scan in number
        ]
        np.testing.assert_allclose(row, sensitivities(made(len(number), false, nodules)))


def test_without_nodules_there_is_no_sensitivity():
    # Scans 0 and 1 are one patient's, and have all nodules.
    found = made(12, [(n, 0.5) for n in range(12)], [(0, 0.6), (1, 0.4)])
    got = deleted_sensitivities(found, ["a", "a", *(f"b{n}" for n in range(10))])
    assert np.isnan(got[0]).all()
    assert not np.isnan(got[1:]).any()
    with pytest.raises(ValueError, match="12 scans, but 3 patients"):
        deleted_sensitivities(found, ["a", "b", "c"])


def test_without_the_only_patient_nothing_is_defined():
    found = made(1, [(0, 0.8)], [(0, 0.9), (0, None)])
    assert np.isnan(deleted_sensitivities(found, ["a"])).all()
