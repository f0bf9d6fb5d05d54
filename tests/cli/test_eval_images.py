"""`pcrl eval` on images, as it is typed: CheXpert's layout, ChestX-ray14's name, a table of one's own."""

import csv
import json

import numpy as np
import pytest
import radiographs
import torch
from click.testing import CliRunner
from command import pcrl
from pcrl_cli.main import main

from pcrl.config import VolumeModel
from pcrl.datasets.chexpert import COMPETITION, OBSERVATIONS
from pcrl.engine.cache.cache import Cache
from pcrl.models.nsunet2d import build
from pcrl.models.published import IMAGENET
from pcrl.models.weights import save_weights
from pcrl.training import run_folder
from pcrl.training.selection import select

SETTINGS = [
    *("--set", "model.width=8"),
    *("--set", "finetuning.shape=[32, 32]"),
    *("--set", "finetuning.epochs=2"),
]
CPU = ("--device", "cpu")
UNDEFINED, ALWAYS = "Edema", "Consolidation"
"""Observations without positives, and without negatives, among the test images."""


def studies(root):
    """A tree of CheXpert: what `radiographs` writes, with marks that leave two labels undefined."""
    radiographs.chexpert(root, patients=30, valid=12)
    path = root / "valid.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {UNDEFINED: "0.0", ALWAYS: "1.0"}
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workplace")
    studies(folder / "data/chexpert")
    done = pcrl(
        "ingest",
        "--dataset",
        "chexpert",
        "--recipe",
        "cpu-2d",
        "--size",
        64,
        "--workers",
        1,
        *SETTINGS,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    cache = Cache(folder / "cache")
    recipe = cache.image_set("chexpert").record.recipe
    torch.manual_seed(0)
    network = build(recipe.model)
    run = folder / "runs/first"
    run_folder.create(
        run, recipe, select(cache, (), recipe), run_folder.Start("fresh weights, seed 0", fresh=True)
    )
    save_weights(
        run / "checkpoints/epoch-0001-step-000000",
        recipe.model,
        network.state_dict(),
        {"epoch": 1, "step": 0},
    )
    (run / run_folder.FINISHED).write_text("{}")
    encoder = {name: value for name, value in network.state_dict().items() if name.startswith("encoder.")}
    save_weights(folder / "imagenet", recipe.model, encoder, {"origin": IMAGENET}, "encoder")
    return folder


def score(workplace, *arguments):
    done = pcrl("eval", *arguments, *CPU, cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    return done


def here(folder, monkeypatch, *arguments):
    """A call that ends in a message, in this process: to start another takes seconds."""
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(main, ["eval", *arguments, *CPU])
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit), done.exception
    return done


def test_all_arms_on_the_newest_run(workplace):
    done = score(
        workplace,
        "chexpert",
        "--fraction",
        0.5,
        "--from-scratch",
        "--shuffled",
        "--seeds",
        2,
        "--out",
        "scores",
    )
    assert "runs/first, the newest compatible run" in done.stdout
    assert "started from: fresh weights, seed 0" in done.stdout
    assert "42 images not frontal: left out" in done.stdout
    results = json.loads((workplace / "scores/results.json").read_text())
    assert list(results["arms"]) == ["pre-trained", "from-scratch", "shuffled labels"]
    assert results["scored"] == list(COMPETITION)
    assert results["labels"] == list(OBSERVATIONS)
    assert (results["transductive"], results["synthetic_images"]) == (False, 0)
    assert (results["start"], results["test_images"]) == ("fresh weights, seed 0", 12)
    for arm in results["arms"].values():
        assert [run["seed"] for run in arm["runs"]] == [0, 1]
        images, of_studies = arm["summary"]["images"], arm["summary"]["studies"]
        # One frontal view a study: both are the same.
        assert images["labels"] == of_studies["labels"]
        for label in (UNDEFINED, ALWAYS):
            assert images["labels"][label]["auroc"] is None
        defined = [name for name in COMPETITION if name not in (UNDEFINED, ALWAYS)]
        mean = np.mean([[run["images"]["labels"][name] for name in defined] for run in arm["runs"]])
        assert images["mean"]["auroc"] == pytest.approx(mean)
        low, high = images["mean"]["interval"]
        assert 0 <= low <= high <= 1
        assert f"{mean:.3f} [{low:.3f}–{high:.3f}]" in done.stdout
        assert 0 <= images["labels"]["Atelectasis"]["calibration"]["error"] <= 1
    assert [pair["minus"] for pair in results["differences"]] == ["from-scratch", "shuffled labels"]
    for what, label in (("positives", UNDEFINED), ("negatives", ALWAYS)):
        assert (
            f"no {what} among the test images, so no AUROC, and no part in the mean: {label}\n" in done.stdout
        )


def test_every_score_every_split_and_figures_are_written(workplace):
    score(workplace, "chexpert", "--from-scratch", "--views", "all", "--uncertain", "zeros", "--out", "all")
    split = json.loads((workplace / "all/split.json").read_text())
    names = {part: set(split["seeds"]["0"][part]) for part in ("train", "validation")}
    assert len(split["test"]) == 24
    assert not names["train"] & names["validation"]
    assert all(name.startswith("valid/") for name in split["test"])
    assert not any(name.startswith("valid/") for part in names.values() for name in part)
    with (workplace / "all/scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == 2 * split["test"]
    assert {row["arm"] for row in rows} == {"pre-trained", "from-scratch"}
    assert all(0 < float(row[f"score {name}"]) < 1 for row in rows for name in OBSERVATIONS)
    assert {row[f"truth {UNDEFINED}"] for row in rows} == {"0"}
    results = json.loads((workplace / "all/results.json").read_text())
    labels = results["arms"]["pre-trained"]["summary"]
    positives = [labels[unit]["labels"]["Atelectasis"]["positives"] for unit in ("images", "studies")]
    assert positives == [12, 6]
    for figure in ("roc", "calibration"):
        assert (workplace / f"all/{figure}.png").read_bytes().startswith(b"\x89PNG")


def test_a_linear_probe_on_imported_imagenet_weights(workplace):
    done = score(
        workplace, "classification", "--dataset", "chexpert", "--checkpoint", "imagenet", "--linear-probe",
        "--fraction", 0.01, "--out", "probe",
    )  # fmt: skip
    assert "torchvision resnet18 (ImageNet)" in done.stdout
    assert "make sure that no test patient" not in done.stdout
    assert "training 1 patient with 1 image;" in done.stdout
    assert "no positive among the training images" in done.stdout
    results = json.loads((workplace / "probe/results.json").read_text())
    assert (results["linear_probe"], results["training_patients"]) == (True, 1)
    assert results["scored"] == list(OBSERVATIONS)
    assert IMAGENET in results["start"]


def test_a_table_of_ones_own(workplace):
    rows = [["file", "person", "bright"]]
    for n in range(40):
        values = radiographs.picture(1000 + n)
        radiographs.write(workplace / f"mine/{n}.png", values // 2 if n % 2 else values)
        rows.append([f"{n}.png", f"person{n // 2}", 1 - n % 2])
    with (workplace / "bright.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    done = score(
        workplace, "classification", "--table", "bright.csv", "--images", "mine", "--patient-column", "person",
        "--recipe", "cpu-2d", "--from-scratch", "--set", "data.size=64", *SETTINGS, "--out", "mine-scores",
        "--checkpoint", "runs/first",
    )  # fmt: skip
    results = json.loads((workplace / "mine-scores/results.json").read_text())
    assert (results["dataset"], results["scored"]) == ("bright", ["bright"])
    assert len(results["arms"]["from-scratch"]["runs"][0]["history"]["losses"]) == 2
    assert "too few for intervals. The scores say nothing about quality" in done.stdout


def test_a_run_that_saw_test_patients_is_refused_unless_stated(workplace, monkeypatch):
    record = json.loads((workplace / "runs/first/run.json").read_text())
    leaky = workplace / "leaky"
    leaky.mkdir()
    (leaky / "run.json").write_text(json.dumps(record | {"patients": ["patient01001"]}))
    (leaky / "checkpoints").symlink_to(workplace / "runs/first/checkpoints")
    call = ("chexpert", "--checkpoint", "leaky", "--epochs", "1")
    refused = here(workplace, monkeypatch, *call)
    assert "saw what would be tested: patients patient01001; images none" in refused.stderr
    stated = score(workplace, *call, "--transductive", "--out", "stated")
    assert "TRANSDUCTIVE" in stated.stdout
    assert json.loads((workplace / "stated/results.json").read_text())["transductive"] is True


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("chestxray",), "pcrl ingest --dataset chestxray --cache cache"),
        (("classification", "--dataset", "mine"), "pcrl eval classification --table mine.csv"),
        (("classification",), "either --dataset, or --table together with --images"),
        (("classification", "--table", "bright.csv"), "either --dataset, or --table together with --images"),
        (("chexpert", "--cache", "elsewhere"), "elsewhere holds no cache"),
        (("chexpert", "--recipe", "cpu-3d"), "recipe cpu-3d is for volumes, chexpert holds images"),
        (("chexpert", "--uncertain", "maybe"), "'ones', 'zeros', 'ignore'"),
        (("chexpert", "--set", "finetuning.epoch=3"), "finetuning.epoch"),
        (("chexpert", "--set", "model.width=16"), "no finished run in ./runs fits"),
        (("segmentation", "--dataset", "chexpert"), "chexpert holds images, not volumes"),
    ],
)
def test_wrong_calls_are_one_message(workplace, monkeypatch, arguments, named):
    done = here(workplace, monkeypatch, *arguments)
    assert named in done.stderr


def test_volumes_are_said_to_be_volumes(tmp_path, monkeypatch):
    (tmp_path / "cache/chexpert").mkdir(parents=True)
    (tmp_path / "cache/chexpert/dataset.json").write_text("{}")
    done = here(tmp_path, monkeypatch, "chexpert")
    assert "chexpert holds volumes, not images" in done.stderr


def test_weights_of_a_3d_network_are_refused(workplace, tmp_path, monkeypatch):
    save_weights(tmp_path / "volumes", VolumeModel(width=4), {}, {})
    done = here(workplace, monkeypatch, "chexpert", "--checkpoint", str(tmp_path / "volumes"))
    assert "a 3D network of width 4 and 4 levels; this evaluation needs a 2D network" in done.stderr
