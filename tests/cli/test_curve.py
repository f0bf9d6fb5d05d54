"""`pcrl curve`: one evaluation a fraction, resumable, nested patients, one report."""

import csv
import json

import pytest

from tests.helpers import patients
from tests.helpers.command import pcrl, refused

pytestmark = pytest.mark.slow

CPU = ("--device", "cpu")
ARMS = ("scratch", "scratch-long")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curve")
    patients.write_lits(folder / "data/lits")
    settings = [word for setting in patients.TINY for word in ("--set", setting)]
    done = pcrl("ingest", "--dataset", "lits", "--workers", 1, *settings, cwd=folder)
    assert done.returncode == 0, done.stderr
    call = (
        "curve",
        "lits",
        "--fractions",
        "1,0.25",
        "--arms",
        "scratch,scratch-long",
        "--epochs",
        1,
        "--out",
        "c",
        *CPU,
    )
    done = pcrl(*call, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_row_for_each_arm_and_fraction(workplace):
    with (workplace / "c/curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["arm"], row["fraction"], row["training_patients"]) for row in rows] == [
        (arm, fraction, count)
        # Of five labelled patients; too few for any of them to validate.
        for fraction, count in (("0.25", "2"), ("1.0", "4"))
        for arm in ("scratch", "scratch-long")
    ]
    assert [(row["labelled_patients"], row["validation_patients"]) for row in rows] == [
        (row["training_patients"], "0") for row in rows
    ]
    results = json.loads((workplace / "c/fraction-1/results.json").read_text(encoding="utf-8"))
    value = next(row["value"] for row in results["arms"][0]["rows"] if row["metric"] == "dice")
    assert float(rows[2]["value"]) == pytest.approx(value)
    sides = [
        set(
            json.loads((workplace / f"c/fraction-{name}/results.json").read_text(encoding="utf-8"))["splits"][
                0
            ]["train"]
        )
        for name in ("0.25", "1")
    ]
    assert sides[0] < sides[1]
    # At least five times the one epoch that is asked for.
    assert [len(arm["runs"][0]["losses"]) >= 5 for arm in results["arms"]] == [False, True]
    assert "fraction-0.25/report.html" in (workplace / "c/report.html").read_text(encoding="utf-8")


def test_it_goes_on_where_it_was(workplace):
    done_already = (workplace / "c/fraction-1/results.json").stat().st_mtime_ns
    before = (workplace / "c/curve.csv").read_text(encoding="utf-8")
    for name in ("results.json", "runs/scratch-long-seed0/run.json"):
        (workplace / "c/fraction-0.25" / name).unlink()
    done = pcrl("curve", "lits", "--out", "c", "--resume", *CPU, cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (workplace / "c/fraction-1/results.json").stat().st_mtime_ns == done_already
    assert (workplace / "c/curve.csv").read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("lits", "--fractions", "0,1"), "expected numbers above 0 and up to 1"),
        (("lits", "--views", "all"), "lits has no --views"),
        (("segmentation",), "segmentation needs --dataset"),
        (("lits", "--out", "c"), "continue it (--resume)"),
        (("brats", "--resume"), "pcrl curve brats has nothing unfinished"),
        (
            ("lits", "--arms", "scratch", "--cache", "gone", "--out", "new"),
            "gone is not a cache, or an empty one",
        ),
        (("segmentation", "--dataset", "lits", "--resume"), "remove --dataset"),
    ],
)
def test_wrong_calls_are_one_message(workplace, arguments, named):
    before = sorted(path.name for path in workplace.iterdir())
    assert named in refused(workplace, "curve", *arguments, *CPU)
    assert sorted(path.name for path in workplace.iterdir()) == before
