"""The three commands, one after the other in one folder; `pcrl eval` killed and resumed; what it refuses."""

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from pcrl.evaluation.records.arm_kinds import known_arms
from tests.helpers import patients
from tests.helpers.command import begun, environment, pcrl, refused

pytestmark = pytest.mark.slow

SETTINGS = [text for setting in patients.TINY for text in ("--set", setting)]
CPU = ("--device", "cpu")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workplace")
    patients.write_lits(folder / "data/lits")
    ingested = pcrl("ingest", "--dataset", "lits", "--workers", 1, *SETTINGS, cwd=folder)
    assert ingested.returncode == 0, ingested.stderr
    trained = pcrl("pretrain", "--cache", "./cache", *CPU, cwd=folder)
    assert trained.returncode == 0, trained.stderr
    return folder


def score(workplace, *arguments):
    done = pcrl("eval", *arguments, *CPU, cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    return done


def results_in(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def value(arm, label, metric):
    return next(row["value"] for row in arm["rows"] if (row["label"], row["metric"]) == (label, metric))


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def scores(workplace):
    """What is said of an evaluation of two arms, and its folder."""
    done = score(
        workplace, "lits", "--fraction", 0.5, "--from-scratch", "--validation", "all", "--out", "scores"
    )
    return done.stdout, workplace / "scores"


def test_both_arms_scores_and_pictures(workplace, scores):
    said, folder = scores
    (run,) = (workplace / "runs").iterdir()
    assert f"pretrained: {run}; pre-training started from" in said
    assert "scratch: random weights" in said
    assert "training 2 patients; validation 1 patient; test 3 patients" in said
    assert "3 test patients: too few for confidence intervals" in said
    results = results_in(folder)
    assert [arm["name"] for arm in results["arms"]] == ["pretrained", "scratch"]
    assert (results["training_patients"], results["transductive"]) == (2, False)
    (side,) = results["splits"]
    assert set(side["train"]) < {f"volume-{n}" for n in patients.TRAIN}
    for arm in results["arms"]:
        (run,) = arm["runs"]
        assert {row["case"] for row in arm["cases"]} == {f"volume-{n}" for n in patients.TEST}
        assert all(0 <= row["values"]["dice"] <= 1 for row in arm["cases"])
        assert value(arm, "liver", "dice") > 0.3
        assert f"{value(arm, 'liver', 'dice'):.3f}" in said
    (compared,) = (one for one in results["comparisons"] if one["metric"] == "dice")
    assert (compared["p"], compared["p_holm"], compared["interval"]) == (None, None, None)
    assert (
        f"Dice of liver, pretrained − scratch: {compared['difference']:+.3f} (3 patients, 1 seed): one training"
        in said
    )
    assert results["command"].endswith(
        "eval lits --fraction 0.5 --from-scratch --validation all --out scores --device cpu"
    )


def test_tables_report_pictures_and_weights_are_written(scores):
    said, folder = scores
    results = results_in(folder)
    assert "Written: scores/report.html, scores/results.json" in said
    assert len(list((folder / "overlays").glob("*.png"))) == 6
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    for arm in results["arms"]:
        assert arm["name"] in page
        assert f"{value(arm, 'liver', 'dice'):.3f}" in page
        assert (folder / arm["runs"][0]["folder"] / "weights.safetensors").is_file()
    rows = {(row["arm"], row["label"], row["metric"]): row["value"] for row in table(folder / "scores.csv")}
    assert float(rows["scratch", "liver", "dice"]) == value(results["arms"][1], "liver", "dice")
    assert len(table(folder / "runs.csv")) == 2
    assert len(table(folder / "cases.csv")) == 2 * 3 * 3
    assert {row["minus"] for row in table(folder / "comparisons.csv")} == {"scratch"}


def test_a_folder_that_holds_something_is_left_alone(workplace, scores):
    assert "scores is not empty: continue it (--resume), or give another --out" in refused(
        workplace, "eval", "lits", "--out", "scores"
    )
    said = refused(workplace, "eval", "lits", "--out", "data")
    assert "data is not empty: give another --out" in said
    assert "--resume" not in said
    file = "cache/lits/dataset.json"
    assert f"{file} is a file" in refused(workplace, "eval", "lits", "--out", file)


def plain(folder):
    """Results and tables, but for when and how long, and for the name of the folder."""
    results = results_in(folder)
    for key in ("created", "seconds", "command"):
        del results[key]
    for run in (run for arm in results["arms"] for run in arm["runs"]):
        del run["seconds"]
    return results, *(
        (folder / f"{name}.csv").read_text(encoding="utf-8") for name in ("scores", "cases", "comparisons")
    )


@pytest.mark.slow
def test_killed_and_resumed_it_ends_as_an_undisturbed_one(workplace):
    call = ("lits", "--arms", "pretrained,scratch", "--seeds", "2", "--epochs", "2")
    score(workplace, *call, "--out", "whole")
    process = begun("eval", *call, *CPU, cwd=workplace, stdout=subprocess.DEVNULL)
    # The first training is through, the second has begun.
    while not list(workplace.glob("evaluations/lits-*/runs/pretrained-seed1")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (killed,) = (workplace / "evaluations").iterdir()
    assert not (killed / "results.json").exists()
    record = killed / "runs/pretrained-seed0/run.json"
    before = record.stat().st_mtime_ns
    resumed = score(workplace, "lits", "--resume")
    assert f"Continuing {killed.relative_to(workplace)}, which was started with: " in resumed.stdout
    assert "eval lits --arms pretrained,scratch --seeds 2 --epochs 2" in resumed.stdout
    assert record.stat().st_mtime_ns == before
    assert plain(killed) == plain(workplace / "whole")
    for run in (workplace / "whole/runs").iterdir():
        ours, theirs = (
            load_file(folder / "runs" / run.name / "weights.safetensors")
            for folder in (killed, workplace / "whole")
        )
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert (killed / "report.html").is_file()
    assert not list(killed.rglob("*unfinished*"))


@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on(workplace):
    call = ("eval", "lits", "--arms", "scratch", "--epochs", "500", "--out", "stopped", *CPU)
    process = begun(*call, cwd=workplace, stdout=subprocess.PIPE, text=True)
    while not list(workplace.glob("stopped/runs/scratch-seed0")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped. Continue with --resume." in said


def test_what_there_is_to_resume(workplace, scores):
    def said(*arguments):
        return refused(workplace, "eval", *arguments, "--resume")

    assert (
        "pcrl eval brats has nothing unfinished in ./evaluations: give --out, or run without --resume"
        in said("brats")
    )
    assert "scores was begun by pcrl eval lits: go on with pcrl eval lits --out scores --resume" in said(
        "brats", "--out", "scores"
    )
    assert "data: no evaluation.json: it holds no evaluation" in said("lits", "--out", "data")


def test_any_labelled_data_set_by_name_fold_by_fold(workplace):
    call = ("segmentation", "--dataset", "lits", "--epochs", 1, "--arms", "scratch", "--folds", "0,3-3")
    done = score(workplace, *call, "--out", "any")
    assert "the first of 2 folds" in done.stdout
    results = results_in(workplace / "any")
    (arm,) = results["arms"]
    assert {row["label"] for row in arm["rows"]} == {"liver", "tumour", "mean"}
    assert [run["fold"] for run in arm["runs"]] == [0, 3]
    tested = [name for side in results["splits"] for name in side["test"]]
    assert len(tested) == len(set(tested)) == results["test_patients"]


def test_a_frozen_encoder_is_said_to_be(workplace):
    done = score(
        workplace,
        "lits",
        "--freeze",
        "--target",
        "tumour",
        "--epochs",
        1,
        "--fraction",
        0.1,
        "--out",
        "frozen",
    )
    assert "lits: 1 labelled patient in all (1 to train, 0 to validate), encoder frozen" in done.stdout
    results = results_in(workplace / "frozen")
    assert (results["protocol"]["freeze"], results["protocol"]["target"]) == (True, "tumour")


def test_a_run_that_saw_test_patients_is_refused_unless_stated(workplace):
    record = json.loads(next(workplace.glob("runs/*/run.json")).read_text(encoding="utf-8"))
    run = workplace / "leaky"
    run.mkdir()
    (run / "run.json").write_text(json.dumps(record | {"patients": ["volume-3", "volume-1"]}))
    for name in ("checkpoints", "seen.npz"):
        (run / name).symlink_to(next(workplace.glob(f"runs/*/{name}")))
    call = ("lits", "--checkpoint", "leaky", "--epochs", 1)
    said = refused(workplace, "eval", *call, "--out", "stated")
    assert "saw the test set: patients volume-3" in said
    # What was refused has left nothing behind.
    stated = score(workplace, *call, "--transductive", "--out", "stated")
    assert "TRANSDUCTIVE" in stated.stdout
    assert results_in(workplace / "stated")["transductive"] is True
    assert "transductive" in (workplace / "stated/report.html").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("segmentation", "--dataset", "brats"), "holds lits, not 'brats'"),
        (("segmentation",), "give --dataset NAME: the name of the data set in the cache"),
        (("lits", "--fraction", "0"), "0<x<=1"),
        (("lits", "--fraction", "1.5"), "0<x<=1"),
        (("lits", "--seeds", "0"), "x>=1"),
        (("lits", "--cache", "elsewhere"), "elsewhere is not a cache, or an empty one"),
        (("lits", "--checkpoint", "nowhere"), "nowhere"),
        (("lits", "--set", "finetuning.epoch=3"), "finetuning.epoch"),
        (("lits", "--recipe", "cpu-2d"), "recipe cpu-2d is for images, lits holds volumes"),
        (("lits", "--set", "model.width=8"), "fits. Make one:\n  pcrl pretrain --cache"),
        (
            ("lits", "--arms", "pretrained,frozen"),
            "no arm 'frozen'; there are pretrained, scratch, scratch-long",
        ),
        (("lits", "--arms", ""), "no arm ''"),
        (("lits", "--arms", "pretrained,restoration"), "has the objective restoration. Make one"),
        (("lits", "--arms", "scratch", "--folds", "4-5"), "lits has folds 0 to 4, not 5"),
        (("lits", "--folds", "0-4"), "--transductive"),
        (("lits", "--folds", "3-1"), "'3-1' is not a list of folds, such as 0-9 or 0,3"),
        (("lits", "--folds", "first"), "'first' is not a list of folds"),
        (("lits", "--folds", "-1"), "'-1' is not a list of folds"),
        (("lits", "--learning-rates", "1e-4,fast"), "'1e-4,fast' is not a list of numbers, such as"),
        (("lits", "--learning-rates", ""), "is not a list of numbers"),
        (("lits", "--learning-rates", "0,1e-4"), "expected numbers above 0 and up to 10"),
        (("lits", "--learning-rates", "nan"), "expected numbers above 0 and up to 10"),
        (("lits", "--learning-rates", "1e-4,inf"), "expected numbers above 0 and up to 10"),
        (("lits", "--target", "spleen"), "'liver', 'tumour'"),
        (("lits", "--views", "all"), "No such option"),
        (("chexpert", "--folds", "0"), "No such option"),
        (("lits", "--shuffled"), "No such option"),
    ],
)
def test_wrong_calls_are_one_message(workplace, arguments, named):
    assert named in refused(workplace, "eval", *arguments, *CPU)


def test_a_wrong_call_has_no_traceback_and_leaves_no_folder(workplace):
    done = pcrl("eval", "lits", "--set", "finetuning.epoch=3", "--out", "wrong", *CPU, cwd=workplace)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (workplace / "wrong").exists()


def test_without_a_run_it_says_how_to_make_one(workplace):
    said = refused(workplace / "data", "eval", "lits", "--cache", workplace / "cache", *CPU)
    assert f"pcrl pretrain --cache {workplace / 'cache'}" in said


def test_arms_are_those_of_the_machinery(tmp_path):
    said = refused(tmp_path, "eval", "lits", "--arms", "none")
    assert f"there are {', '.join(known_arms())}" in " ".join(said.split())


@pytest.mark.parametrize(
    "task", ["", "lits", "brats", "luna", "segmentation", "chexpert", "chestxray", "classification"]
)
def test_help(task, tmp_path, monkeypatch):
    from click.testing import CliRunner
    from pcrl_cli.main import main

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["eval", *filter(None, [task]), "--help"])
    assert done.exit_code == 0
    assert "pcrl eval" in done.stdout
    if task:
        for option in (
            "--arms",
            "--fraction",
            "--seeds",
            "--learning-rates",
            "--freeze",
            "--resume",
            "--out",
            "--transductive",
        ):
            assert option in done.stdout
        assert ("--folds" in done.stdout) == (task in ("lits", "brats", "luna", "segmentation"))
        assert ("--uncertain" in done.stdout) == (task in ("chexpert", "chestxray", "classification"))
        assert "Example" in done.stdout


def test_help_does_not_load_torch(tmp_path):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pcrl", "eval", "lits", "--help"],
        capture_output=True, encoding="utf-8", cwd=tmp_path, env=environment(),
    )  # fmt: skip
    assert "Example" in done.stdout
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "monai", "numba", "pydantic"}


@pytest.mark.slow
def test_split_files_show_no_patient_on_two_sides(workplace):
    done = pcrl(
        "eval",
        "lits",
        "--arms",
        "scratch",
        "--epochs",
        1,
        "--folds",
        "0-4",
        "--validation",
        "all",
        "--out",
        "folds",
        *CPU,
        cwd=workplace,
    )
    assert done.returncode == 0, done.stderr
    with (workplace / "folds/splits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    tested = []
    for fold in range(5):
        sides = {
            side: {row["patient"] for row in rows if (row["fold"], row["side"]) == (str(fold), side)}
            for side in ("train", "validation", "test")
        }
        assert sum(map(len, sides.values())) == len(set.union(*sides.values())) == 8
        tested += sides["test"]
    assert sorted(tested) == sorted({row["patient"] for row in rows})


def test_what_goes_on_takes_no_other_wishes(workplace):
    said = refused(workplace, "eval", "lits", "--resume", "--fraction", "0.5", *CPU)
    assert "--resume continues with the options that were given at the start: remove --fraction" in said
