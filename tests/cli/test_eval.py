"""The three commands, one after the other in one folder, and what `pcrl eval` refuses."""

import json

import patients
import pytest
from command import pcrl

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


def test_both_arms_scores_and_pictures(workplace):
    done = pcrl("eval", "lits", "--fraction", 0.5, "--from-scratch", "--out", "scores", *CPU, cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert "the newest compatible run" in done.stdout
    assert "training 2 real patients" in done.stdout
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    results = json.loads((workplace / "scores/results.json").read_text())
    assert list(results["arms"]) == ["pre-trained", "from-scratch"]
    assert results["training_patients"] == 2
    assert results["transductive"] is False
    for arm in results["arms"].values():
        (run,) = arm["runs"]
        assert set(run["cases"]) == {f"volume-{n}" for n in patients.TEST}
        assert set(run["train"]) < {f"volume-{n}" for n in patients.TRAIN}
        by_patient = arm["summary"]["liver"]["patients"]
        assert all(0 <= scores["dice"] <= 1 for scores in by_patient.values())
        assert arm["summary"]["liver"]["dice"]["mean"] > 0.3
        assert f"{arm['summary']['liver']['dice']['mean']:.3f}" in done.stdout
    assert len(list((workplace / "scores/overlays").glob("*.png"))) == 6
    again = pcrl("eval", "lits", "--out", "scores", *CPU, cwd=workplace)
    assert again.returncode == 1
    assert "scores is not empty" in again.stderr


def test_any_labelled_data_set_by_name(workplace):
    done = pcrl(
        "eval", "segmentation", "--dataset", "lits", "--epochs", 1, "--fraction", 0.1, "--out", "any", *CPU,
        cwd=workplace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((workplace / "any/results.json").read_text())
    assert set(results["arms"]["pre-trained"]["summary"]) == {"liver", "tumour"}


def test_a_run_that_saw_test_patients_is_refused_unless_stated(workplace):
    record = json.loads(next(workplace.glob("runs/*/run.json")).read_text())
    run = workplace / "leaky"
    run.mkdir()
    (run / "run.json").write_text(json.dumps(record | {"patients": ["volume-3", "volume-1"]}))
    source = next(workplace.glob("runs/*/checkpoints"))
    (run / "checkpoints").symlink_to(source)
    call = ("eval", "lits", "--checkpoint", "leaky", "--epochs", 1, *CPU)
    refused = pcrl(*call, cwd=workplace)
    assert refused.returncode == 1
    assert "saw what would be tested: patients volume-3" in refused.stderr
    stated = pcrl(*call, "--transductive", "--out", "stated", cwd=workplace)
    assert stated.returncode == 0, stated.stderr
    assert "TRANSDUCTIVE" in stated.stdout
    assert json.loads((workplace / "stated/results.json").read_text())["transductive"] is True


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("segmentation", "--dataset", "brats"), "holds lits, not 'brats'"),
        (("lits", "--fraction", "0"), "0<x<=1"),
        (("lits", "--cache", "elsewhere"), "elsewhere holds no cache"),
        (("lits", "--checkpoint", "nowhere"), "nowhere"),
        (("lits", "--set", "finetuning.epoch=3"), "finetuning.epoch"),
    ],
)
def test_wrong_calls_are_one_message(workplace, arguments, named):
    done = pcrl("eval", *arguments, *CPU, cwd=workplace)
    assert done.returncode != 0
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_run_it_says_how_to_make_one(workplace):
    done = pcrl("eval", "lits", "--cache", workplace / "cache", *CPU, cwd=workplace / "data")
    assert done.returncode == 1
    assert "pcrl pretrain --cache" in done.stderr
