"""LUNA16 from its published layout to CPM and back to single scans, as a user types it."""

import csv
import json

import numpy as np
import pytest

from tests.helpers import patients
from tests.helpers.command import pcrl, refused
from tests.helpers.luna import tree as luna_tree

pytestmark = pytest.mark.slow

SETTINGS = [
    word
    for setting in (*patients.TINY, "candidates.crop=[16, 16, 16]", "candidates.epochs=12",
                    "candidates.learning_rate=0.01", "candidates.batch_size=8")
    for word in ("--set", setting)
]  # fmt: skip
CPU = ("--device", "cpu")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("luna")
    luna_tree.write_luna(folder / "data/luna")
    done = pcrl("ingest", "--dataset", "luna", "--workers", "1", *SETTINGS, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    done = pcrl(
        "eval",
        "luna",
        "--arms",
        "scratch,shuffled,scratch-long",
        "--folds",
        "3,9",
        "--out",
        "none",
        *CPU,
        cwd=folder,
    )
    assert done.returncode == 1
    assert "pcrl pretrain --cache" in done.stderr
    done = pcrl(
        "eval",
        "luna",
        "--arms",
        "scratch",
        "--folds",
        "3,9",
        "--seeds",
        "2",
        "--validation",
        "all",
        "--out",
        "scores",
        *CPU,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_froc_auroc_and_cpm_of_both_folds_together(workplace):
    results = json.loads((workplace / "scores/results.json").read_text(encoding="utf-8"))
    (arm,) = results["arms"]
    rows = {(row["metric"], row["label"]): row for row in arm["rows"]}
    cpm = rows["cpm", "nodule"]
    # Folds 3 and 9: two scans of two nodules each, two candidates on each nodule, one disputed, six others.
    assert cpm["counts"] == {"scans": 2, "nodules": 4, "candidates": 22}
    assert rows["auroc", "nodule"]["counts"] == {"positives": 8, "negatives": 12}
    points = [row["value"] for (metric, _), row in rows.items() if metric == "sensitivity"]
    assert len(points) == 7
    assert points == sorted(points)
    assert cpm["value"] == pytest.approx(np.mean(points))
    # Bright balls in air: a network that learns at all finds them.
    assert rows["auroc", "nodule"]["value"] > 0.9
    assert rows["auprc", "nodule"]["counts"] == rows["auroc", "nodule"]["counts"]
    assert rows["auprc", "nodule"]["value"] > 0.8 > 8 / 20
    assert rows["operating_sensitivity", "nodule"]["counts"] == {"nodules": 4}
    assert 0 <= rows["operating_sensitivity", "nodule"]["value"] <= 1
    assert rows["operating_false_positives", "nodule"]["counts"] == {"scans": 2}
    with (workplace / "scores/thresholds.csv").open(newline="") as file:
        thresholds = list(csv.DictReader(file))
    assert [(row["seed"], row["fold"]) for row in thresholds] == [
        ("0", "3"),
        ("1", "3"),
        ("0", "9"),
        ("1", "9"),
    ]
    assert all(0 <= float(row["threshold"]) <= 1 for row in thresholds)
    assert [line["kind"] for line in results["lines"]] == ["froc", "roc"]
    assert [(run["seed"], run["fold"]) for run in arm["runs"]] == [(0, 3), (1, 3), (0, 9), (1, 9)]
    for side in results["splits"]:
        parts = [set(side[part]) for part in ("train", "validation", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 10
    with (workplace / "scores/probabilities.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 2 * 22
    assert "report.html" in {path.name for path in (workplace / "scores").iterdir()}


def predicted(workplace, scans, out):
    """Probabilities of the candidates of scan 1.2.9, out of those of all scans in a file or folder."""
    done = pcrl(
        "predict", "luna", "--run", "scores/runs/scratch-seed0-fold9", "--candidates", "data/luna/candidates_V2.csv",
        scans, "--out", out, *CPU, cwd=workplace,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with (workplace / out / "probabilities.csv").open(newline="") as file:
        return [float(row["probability"]) for row in csv.DictReader(file) if row["seriesuid"] == "1.2.9"]


def test_prediction_of_a_scan_agrees_with_what_the_evaluation_said(workplace):
    found = predicted(workplace, "data/luna/subset9/1.2.9.mhd", "found")
    with (workplace / "scores/probabilities.csv").open(newline="") as file:
        said = [
            float(row["probability"])
            for row in csv.DictReader(file)
            if row["seriesuid"] == "1.2.9" and row["seed"] == "0"
        ]
    with (workplace / "found/probabilities.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(found)
    assert len(found) == len(said) == 11
    np.testing.assert_allclose(found, said, rtol=1e-4)
    # In a tree, a scan is still called by its series.
    np.testing.assert_allclose(predicted(workplace, "data/luna", "all"), found)


def test_a_table_of_other_scans_is_refused(workplace):
    (workplace / "other.csv").write_text("seriesuid,coordX,coordY,coordZ\n9.9.9,0,0,0\n")
    call = ("predict", "luna", "--run", "scores", "--candidates", "other.csv", "data/luna/subset9")
    done = pcrl(*call, "--out", "none-found", *CPU, cwd=workplace)
    assert done.returncode == 1
    assert "other.csv has no candidate of 1.2.9" in done.stderr.replace("\n", " ")
    assert "begins with 9.9.9" in done.stderr.replace("\n", " ")
    assert not (workplace / "none-found").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("eval", "luna", "--folds", "10", "--arms", "scratch"), "luna has folds 0 to 9, not 10"),
        (("eval", "luna", "--folds", "a-b", "--arms", "scratch"), "not a list of folds, such as 0-9"),
        (("eval", "luna", "--arms", "scratch", "--set", "candidates.crop=[15, 16, 16]"), "divisible by 4"),
        (("predict", "luna", "--run", "scores", "scan.mhd", "--out", "x"), "luna needs --candidates"),
    ],
)
def test_wrong_calls_are_one_message(workplace, arguments, named):
    assert named in refused(workplace, *arguments)


def test_external_test_on_another_collection_of_its_layout(workplace):
    """Names of series and scans are others; the refusal of the same ones comes first."""
    for name, first in (("same", 0), ("others", 20)):
        luna_tree.write_luna(workplace / "data" / name, first=first)
        source = ("--layout", "luna", "--source", f"data/{name}", "--dataset", name)
        done = pcrl("ingest", *source, "--workers", 1, cwd=workplace)
        assert done.returncode == 0, done.stdout + done.stderr
    call = ("eval", "luna", "--run", "scores", *CPU, "--test-on")
    assert "saw the test set" in refused(workplace, *call, "same")
    done = pcrl(*call, "others", cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((workplace / "scores/tested-on/others/results.json").read_text())
    (cpm,) = [row for row in results["arms"][0]["rows"] if row["metric"] == "cpm"]
    assert cpm["counts"] == {"scans": 10, "nodules": 15, "candidates": 100}
    assert sorted(cpm["by_seed"]) == ["0", "1", "2", "3"]
    assert cpm["value"] > 0.5


def test_without_its_tables_it_says_what_to_do(workplace):
    (workplace / "cache/luna/tables/annotations.csv").unlink()
    done = pcrl("eval", "luna", "--arms", "scratch", *CPU, cwd=workplace)
    assert done.returncode == 1
    assert "annotations.csv" in done.stderr
    assert "then ingest it again" in done.stderr
