"""`pcrl eval` on images, as it is typed: CheXpert's layout, ChestX-ray14's name, a table of one's own."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from scipy.stats import mannwhitneyu

from pcrl.config import VolumeModel
from pcrl.datasets.layouts.images.chexpert import COMPETITION, OBSERVATIONS
from pcrl.engine.cache.cache import Cache
from pcrl.engine.selection.select import select
from pcrl.models.images.nsunet import build
from pcrl.models.weights.folder import save_weights
from pcrl.models.weights.published import IMAGENET
from pcrl.training.records import run_folder
from tests.helpers import radiographs
from tests.helpers.command import pcrl, refused

pytestmark = pytest.mark.slow

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


def results_in(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def row(arm, label, metric="auroc"):
    return next((row for row in arm["rows"] if (row["label"], row["metric"]) == (label, metric)), None)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_external_test_on_a_table_of_ones_own(workplace):
    """Labels of the same and of other names; thresholds are those of the evaluation's validation images."""
    rng = np.random.default_rng(5)
    rows = [["file", "person", "edema", "Herz", "own finding"]]
    for n in range(40):
        radiographs.write(workplace / f"clinic/{n}.png", radiographs.picture(5000 + n))
        rows.append([f"{n}.png", f"clinic{n}", *rng.integers(0, 2, 3)])
    with (workplace / "clinic.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    score(workplace, "chexpert", "--arms", "scratch", "--seeds", 2, "--out", "inside")
    call = ("chexpert", "--test-on", "clinic.csv", "--run", "inside", "--test-images", "clinic")
    renamed = ("--test-patient-column", "person", "--same-label", "Cardiomegaly=Herz")
    done = score(workplace, *call, *renamed)
    assert "labels by another name in clinic: Cardiomegaly is Herz, Edema is edema" in done.stdout
    folder = workplace / "inside/tested-on/clinic"
    results = results_in(folder)
    assert (results["trained_on"], results["test_patients"]) == ("chexpert", 40)
    assert table(folder / "thresholds.csv") == [
        row for row in table(workplace / "inside/thresholds.csv") if row["label"] in ("Cardiomegaly", "Edema")
    ]
    predicted = table(folder / "probabilities.csv")
    assert len(predicted) == 2 * 40
    for label, column in (("Edema", 2), ("Cardiomegaly", 3)):
        truth = {f"{row[0]}": row[column] for row in rows[1:]}
        areas = []
        for seed in "01":
            own = [row for row in predicted if row["seed"] == seed]
            marks = [truth[f"{row['name']}.png"] for row in own]
            scored = np.array([float(one[f"score {label}"]) for one in own])
            sides = [scored[np.array(marks) == mark] for mark in (1, 0)]
            areas.append(mannwhitneyu(*sides).statistic / (len(sides[0]) * len(sides[1])))
        found = row(results["arms"][0], label)
        assert list(found["by_seed"].values()) == pytest.approx(areas)
        assert found["value"] == pytest.approx(np.mean(areas))
    assert {one["label"] for one in results["arms"][0]["rows"]} == {"Cardiomegaly", "Edema", "mean"}
    assert "remove --seeds" in refused(workplace, "eval", *call, "--seeds", 2)
    assert "give --test-images" in refused(workplace, "eval", *call[:5])
    assert "--run is for --test-on" in refused(workplace, "eval", "chexpert", "--run", "inside")


def test_all_arms_on_the_newest_run(workplace):
    call = ("chexpert", "--fraction", 0.5, "--arms", "pretrained,scratch,shuffled", "--seeds", 2)
    done = score(workplace, *call, "--out", "scores")
    assert (
        f"pretrained: {workplace / 'runs/first'}; pre-training started from fresh weights, seed 0"
        in done.stdout
    )
    assert "not used: 42 images of other than frontal views" in done.stdout
    results = results_in(workplace / "scores")
    assert [arm["name"] for arm in results["arms"]] == ["pretrained", "scratch", "shuffled"]
    assert (results["transductive"], results["virtual"], results["test_patients"]) == (False, 0, 12)
    for arm in results["arms"]:
        assert [run["seed"] for run in arm["runs"]] == [0, 1]
        assert {each["label"] for each in arm["rows"]} == {*COMPETITION, "mean"}
        for name in COMPETITION:
            # One frontal view a study: both are the same.
            assert row(arm, name)["value"] == row(arm, name, "auroc_study")["value"]
            assert (row(arm, name)["value"] is None) == (name in (UNDEFINED, ALWAYS))
        defined = [row(arm, name)["value"] for name in COMPETITION if name not in (UNDEFINED, ALWAYS)]
        mean = row(arm, "mean")
        assert mean["value"] == pytest.approx(np.mean(defined))
        assert mean["by_seed"].keys() == {"0", "1"}
        assert mean["value"] == pytest.approx(np.mean(list(mean["by_seed"].values())))
        assert (mean["interval"], mean["why"] != "") == (None, True)
        assert f"{mean['value']:.3f}" in done.stdout
        assert f"AUROC per image without an interval: {mean['why']}" in done.stdout
        assert 0 <= row(arm, "Atelectasis", "calibration")["value"] <= 1
    pairs = [(one["arm"], one["minus"], one["metric"]) for one in results["comparisons"]]
    assert pairs == [
        ("pretrained", other, metric)
        for other in ("scratch", "shuffled")
        for metric in ("auroc", "auroc_study", "brier")
    ]
    for one in results["comparisons"]:
        assert one["by_seed"].keys() == {"0", "1"}
        assert one["p"] is None or 0 < one["p"] <= one["p_holm"] <= 1
        assert one["interval"] is None
        assert one["why"] != ""
    assert "AUROC per image of mean, pretrained − scratch: " in done.stdout
    for what, label in (("positives", UNDEFINED), ("negatives", ALWAYS)):
        said = f"no {what} among the test images, so that the AUROC is undefined and not part of the mean: {label}"
        assert f"{said}\n" in done.stdout
        assert said in results["notes"]


def test_every_score_every_split_and_figures_are_written(workplace):
    score(workplace, "chexpert", "--from-scratch", "--views", "all", "--uncertain", "zeros", "--out", "all")
    results = results_in(workplace / "all")
    (side,) = results["splits"]
    parts = {part: set(side[part]) for part in ("train", "validation", "test")}
    assert len(side["test"]) == 24
    assert not parts["train"] & parts["validation"]
    assert all(name.startswith("valid/") for name in side["test"])
    assert not any(name.startswith("valid/") for part in ("train", "validation") for name in parts[part])
    with (workplace / "all/probabilities.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [one["name"] for one in rows] == 2 * side["test"]
    assert {one["arm"] for one in rows} == {"pretrained", "scratch"}
    assert all(0 < float(one[f"score {name}"]) < 1 for one in rows for name in OBSERVATIONS)
    assert {one[f"truth {UNDEFINED}"] for one in rows} == {"0"}
    pretrained = results["arms"][0]
    positives = [
        row(pretrained, "Atelectasis", metric)["counts"]["positives"] for metric in ("auroc", "auroc_study")
    ]
    assert positives == [12, 6]
    assert (workplace / "all/calibration.png").read_bytes().startswith(b"\x89PNG")
    assert {line["kind"] for line in results["lines"]} == {"roc"}
    page = (workplace / "all/report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "ROC curves of Atelectasis" in page
    for name in ("scores", "cases", "comparisons", "runs"):
        assert (workplace / f"all/{name}.csv").is_file()
    assert (results["protocol"]["views"], results["protocol"]["uncertain"]) == ("all", "zeros")


def test_a_linear_probe_on_imported_imagenet_weights(workplace):
    done = score(
        workplace, "classification", "--dataset", "chexpert", "--checkpoint", "imagenet", "--freeze",
        "--fraction", 0.01, "--out", "probe",
    )  # fmt: skip
    assert "torchvision resnet18 (ImageNet)" in done.stdout
    assert "make sure that no test patient" not in done.stdout
    assert "training 1 patient with 1 image;" in done.stdout
    assert "no positive among the training images" in done.stdout
    assert "chexpert: 1 labelled patient in all (1 to train, 0 to validate), encoder frozen" in done.stdout
    results = results_in(workplace / "probe")
    assert (results["protocol"]["freeze"], results["training_patients"]) == (True, 1)
    (arm,) = results["arms"]
    assert {each["label"] for each in arm["rows"]} == {*OBSERVATIONS, "mean"}
    assert IMAGENET in arm["about"]
    kept = load_file(workplace / "probe" / arm["runs"][0]["folder"] / "weights.safetensors")
    given = load_file(workplace / "imagenet/weights.safetensors")
    names = [name for name in kept if name.startswith("encoder.")]
    assert len(names) == len(given) > 100
    assert all(np.array_equal(kept[name], given[name]) for name in names)


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
    results = results_in(workplace / "mine-scores")
    assert results["dataset"] == "bright"
    assert {each["label"] for arm in results["arms"] for each in arm["rows"]} == {"bright"}
    assert len(results["arms"][1]["runs"][0]["losses"]) == 2
    assert "too few for confidence intervals of means, or for conclusions about quality" in done.stdout
    # Of the same name, from another folder.
    (workplace / "theirs").mkdir()
    for n in range(40):
        radiographs.write(workplace / f"theirs/{n}.png", radiographs.picture(5000 + n))
    call = ("classification", "--table", "bright.csv", "--images", "theirs", *CPU, "--arms", "scratch")
    said = refused(workplace, "eval", *call)
    assert "give --replace" in said
    assert "--dataset NAME" in said
    score(workplace, *call, "--dataset", "theirs", "--recipe", "cpu-2d", *SETTINGS, "--out", "theirs-scores")
    assert results_in(workplace / "theirs-scores")["dataset"] == "theirs"
    score(workplace, *call, "--replace", *SETTINGS, "--out", "replaced-scores")
    assert results_in(workplace / "replaced-scores")["dataset"] == "bright"


def test_an_evaluation_of_images_goes_on_where_it_was(workplace):
    call = ("chexpert", "--arms", "pretrained,scratch", "--epochs", "1", "--fraction", "0.5")
    score(workplace, *call, "--out", "undisturbed")
    score(workplace, *call, "--out", "stopped")
    # As a kill after the first arm leaves it.
    (workplace / "stopped/results.json").unlink()
    (workplace / "stopped/runs/scratch-seed0/run.json").unlink()
    first = workplace / "stopped/runs/pretrained-seed0/run.json"
    before = first.stat().st_mtime_ns
    done = score(workplace, "chexpert", "--out", "stopped", "--resume")
    assert "Continuing stopped, which was started with: " in done.stdout
    assert first.stat().st_mtime_ns == before
    whole, again = (results_in(workplace / name) for name in ("undisturbed", "stopped"))
    for arm, same in zip(whole["arms"], again["arms"], strict=True):
        assert arm["rows"] == same["rows"]
        assert [run["losses"] for run in arm["runs"]] == [run["losses"] for run in same["runs"]]
    assert whole["comparisons"] == again["comparisons"]
    names = ("undisturbed", "stopped")
    one, other = ((workplace / name / "probabilities.csv").read_bytes() for name in names)
    assert one == other


def test_a_run_that_saw_test_patients_is_refused_unless_stated(workplace):
    record = json.loads((workplace / "runs/first/run.json").read_text(encoding="utf-8"))
    leaky = workplace / "leaky"
    leaky.mkdir()
    (leaky / "run.json").write_text(json.dumps(record | {"patients": ["patient01001"]}))
    for name in ("checkpoints", "seen.npz"):
        (leaky / name).symlink_to(workplace / "runs/first" / name)
    call = ("chexpert", "--checkpoint", "leaky", "--epochs", "1")
    said = refused(workplace, "eval", *call, *CPU)
    assert "saw the test set: patients patient01001; scans none" in said
    stated = score(workplace, *call, "--transductive", "--out", "stated")
    assert "TRANSDUCTIVE" in stated.stdout
    assert results_in(workplace / "stated")["transductive"] is True


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("chestxray",), "pcrl ingest --dataset chestxray --cache"),
        (("classification", "--dataset", "mine"), "pcrl eval classification --table mine.csv --images DIR"),
        (("classification",), "give --dataset of the cache, or --table together with --images"),
        (("classification", "--table", "bright.csv"), "or --table together with --images"),
        (("classification", "--dataset", "chexpert", "--replace"), "--replace are for --table: remove them"),
        (
            ("classification", "--table", "bright.csv", "--images", "runs", "--cache", "fresh"),
            "no image of it could be read below runs",
        ),
        (("chexpert", "--cache", "elsewhere"), "elsewhere is not a cache, or an empty one"),
        (("chexpert", "--recipe", "cpu-3d"), "recipe cpu-3d is for volumes, chexpert holds images"),
        (("chexpert", "--uncertain", "maybe"), "'ones', 'zeros', 'ignore'"),
        (("chexpert", "--uncertain", "Oedema=ones", "--arms", "scratch"), "there is no label 'Oedema'"),
        (("chexpert", "--subgroups", "weight"), "'sex', 'age', 'projection'"),
        (("chexpert", "--set", "finetuning.epoch=3"), "finetuning.epoch"),
        (("chexpert", "--set", "model.width=16"), "/runs fits. Make one:"),
        (("chexpert", "--arms", "scratch,other"), "no arm 'other'"),
        (("chexpert", "--arms", "pretrained,comparison"), "has the objective comparison. Make one"),
        (("chexpert", "--linear-probe"), "No such option"),
        (("classification", "--resume"), "pcrl eval classification has nothing unfinished"),
        (("segmentation", "--dataset", "chexpert"), "chexpert holds images, not volumes"),
    ],
)
def test_wrong_calls_are_one_message(workplace, arguments, named):
    assert named in refused(workplace, "eval", *arguments, *CPU)


def test_volumes_are_said_to_be_volumes(tmp_path):
    (tmp_path / "cache/chexpert").mkdir(parents=True)
    (tmp_path / "cache/chexpert/dataset.json").write_text("{}")
    assert "chexpert holds volumes, not images" in refused(tmp_path, "eval", "chexpert", *CPU)


def test_weights_of_a_3d_network_are_refused(workplace, tmp_path):
    save_weights(tmp_path / "volumes", VolumeModel(width=4), {}, {})
    said = refused(workplace, "eval", "chexpert", "--checkpoint", tmp_path / "volumes", *CPU)
    assert "a 3D network of width 4 and 4 levels; this evaluation needs a 2D network" in said


def test_both_published_test_sets_and_subgroups(workplace):
    root = workplace / "both"
    radiographs.chexpert(root, patients=30, valid=26)
    with (root / "valid.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    (root / "test").mkdir()
    sides = {"valid": rows[:24], "test": rows[24:]}
    for n, line in enumerate(rows):
        line |= {"Sex": "Female" if n % 4 < 2 else "Male", "Age": str(30 + 40 * (n % 8 < 4))}
    for line in sides["test"]:
        patient = line["Path"].split("/")[2]
        if (root / "valid" / patient).is_dir():
            (root / "valid" / patient).rename(root / "test" / patient)
        line["Path"] = line["Path"].replace("/valid/", "/test/")
    for name, kept in sides.items():
        with (root / f"{name}.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(kept)
    call = ("--dataset", "chexpert", "--source", root, "--recipe", "cpu-2d", "--size", 64, "--workers", 1)
    done = pcrl("ingest", *call, "--cache", "both-cache", *SETTINGS, cwd=workplace)
    assert done.returncode == 0, done.stderr
    done = score(
        workplace, "chexpert", "--cache", "both-cache", "--arms", "scratch", "--subgroups", "--views", "all",
        "--uncertain", "Edema=ignore", "--epochs", 1, "--validation", "all", "--out", "both-scores",
    )  # fmt: skip
    said = " ".join(done.stdout.split())
    assert "the end point is of CheXpert's published test (28 images of 14 patients)" in said
    assert (
        "uncertain labels count as positive for Atelectasis; not at all for Edema; as negative for the others"
        in said
    )
    results = results_in(workplace / "both-scores")
    (arm,) = results["arms"]
    assert {each["label"] for each in arm["rows"]} == {
        f"{name}{suffix}" for name in (*COMPETITION, "mean") for suffix in ("", " (valid)")
    }
    assert row(arm, "mean")["patients"] == 14
    assert row(arm, "mean (valid)")["patients"] == 12
    with (workplace / "both-scores/subgroups.csv").open(newline="") as file:
        groups = list(csv.DictReader(file))
    assert {(one["set"], one["variable"], one["group"]) for one in groups} == {
        (part, variable, group)
        for part in ("test", "valid")
        for variable, group in (
            *(("sex", "female"), ("sex", "male"), ("age", "20 to 39"), ("age", "60 to 79")),
            *(("projection", "AP"), ("projection", "not stated")),
        )
    }
    whole = {one["label"]: one for one in groups if (one["set"], one["group"]) == ("test", "female")}
    assert whole["mean"]["images"] == "14"
    assert whole["mean"]["patients"] == "7"
    labelled = results["training_patients"] + results["validation_patients"]
    assert whole["mean"]["labelled_patients"] == str(labelled)
    page = (workplace / "both-scores/report.html").read_text(encoding="utf-8")
    assert 'id="subgroups"' in page
    assert "AUROC per image of subgroups" in done.stdout
    assert f"{labelled} labelled patients in all" in done.stdout
