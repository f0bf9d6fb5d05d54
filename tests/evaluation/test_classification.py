"""The whole evaluation in one process, on images of which half have a bright square."""

import csv
import json

import numpy as np
import pytest
import radiographs
import torch

from pcrl.config import load_recipe
from pcrl.datasets.table import find
from pcrl.engine.cache.images import CachedImages
from pcrl.engine.image_plan import plan
from pcrl.engine.ingest_images import run
from pcrl.evaluation.bootstrap import average, resample
from pcrl.evaluation.classification import Arm, Protocol, evaluate
from pcrl.evaluation.classification_summary import Tables, resampled, scores_of, summarise
from pcrl.evaluation.image_cohort import image_cohort

RECIPE = load_recipe(
    "cpu-2d",
    [
        "data.size=48", "data.shard=64", "model.width=8", "finetuning.shape=[32, 32]", "finetuning.epochs=6",
        "finetuning.area=[0.8, 1.0]",
    ],
)  # fmt: skip
ARMS = (Arm("from-scratch", None), Arm("shuffled labels", None, shuffled=True))
PROTOCOL = Protocol(("square",))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """90 patients with two images each, of one study; the second label is never positive, the third uncertain."""
    root = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    rows = [["image", "patient", "study", "square", "never", "unsure"]]
    for n in range(180):
        square = int(rng.integers(2))
        values = rng.integers(40, 90, (48, 60)).astype(np.uint8)
        if square:
            y, x = rng.integers(8, 22, 2)
            values[y : y + 18, x : x + 18] += 120
        radiographs.write(root / f"images/{n}.png", values)
        rows.append([f"{n}.png", f"p{n // 2}", "1", square, 0, -1])
    with (root / "squares.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    list(run(plan(find(root / "squares.csv", root / "images"), root / "cache", RECIPE), 1))
    return CachedImages.open(root / "cache/squares")


def score(images, out, arms=ARMS, seeds=2, threads=2, protocol=PROTOCOL, recipe=RECIPE):
    training = recipe.training.model_copy(update={"loader_threads": threads})
    cohorts = {seed: image_cohort(images, 0.8, seed) for seed in range(seeds)}
    recipe = recipe.model_copy(update={"training": training})
    return evaluate(arms, cohorts, images, protocol, recipe, out, torch.device("cpu"), lambda *_: None)


def test_what_is_there_is_found_and_shuffled_labels_fall_to_chance(images, tmp_path):
    results = score(images, tmp_path)
    learnt, chance = (results["arms"][arm.name] for arm in ARMS)
    for unit in ("images", "studies"):
        assert learnt["summary"][unit]["mean"]["auroc"] > 0.9
    assert abs(chance["summary"]["images"]["mean"]["auroc"] - 0.5) < 0.25
    low, high = learnt["summary"]["images"]["mean"]["interval"]
    assert low <= np.mean([each["images"]["mean"] for each in learnt["runs"]]) <= high
    assert results["differences"][0]["interval"][0] > 0
    counts = [each["training_positives"] for arm in (learnt, chance) for each in arm["runs"]]
    assert counts[:2] == counts[2:]
    assert all(count["never"] == 0 < count["square"] < each["training_images"]
               for count, each in zip(counts, learnt["runs"], strict=False))  # fmt: skip
    json.dumps(results, allow_nan=False)


def test_the_same_whatever_the_number_of_threads(images, tmp_path):
    short = RECIPE.model_copy(update={"finetuning": RECIPE.finetuning.model_copy(update={"epochs": 1})})
    for threads in (1, 3):
        score(images, tmp_path / str(threads), ARMS[:1], 1, threads, recipe=short)
    assert (tmp_path / "1/scores.csv").read_bytes() == (tmp_path / "3/scores.csv").read_bytes()


def test_what_cannot_be_scored_is_none_and_the_rest_goes_on(images, tmp_path):
    everything = Protocol(images.table.label_names, "ignore", linear_probe=True)
    results = score(images, tmp_path, ARMS[:1], 1, protocol=everything)
    summary = results["arms"]["from-scratch"]["summary"]["images"]
    never, unsure = summary["labels"]["never"], summary["labels"]["unsure"]
    assert (never["auroc"], never["interval"], never["positives"]) == (None, None, 0)
    assert (unsure["auroc"], unsure["calibration"], unsure["negatives"]) == (None, None, 0)
    assert summary["mean"]["auroc"] == summary["labels"]["square"]["auroc"]
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["truth unsure"] for row in rows} == {""}
    json.dumps(results, allow_nan=False)


def test_seeds_are_averaged_after_they_are_scored():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (60, 2)).astype(np.float32)
    patients = [f"p{n // 2}" for n in range(60)]
    names = [str(n) for n in range(60)]
    tables = Tables(names, patients, patients, ("a", "b"), [1], truth)
    runs = {seed: truth * 0.3 + rng.uniform(0, 0.7, (60, 2)) for seed in range(3)}
    again = resampled(runs, tables)
    summary = summarise(runs, again, tables)
    single = [scores_of(scores, tables)["images"]["labels"]["b"] for scores in runs.values()]
    assert summary["images"]["labels"]["b"]["auroc"] == pytest.approx(np.mean(single))
    parts = [resample(scores[:, 1:], truth[:, 1:], patients) for scores in runs.values()]
    assert summary["images"]["labels"]["b"]["interval"] == average(parts).intervals()[0]
    # Two images a study: half as many rows, and a positive one makes the study positive.
    assert summary["studies"]["labels"]["b"]["positives"] == truth[:, 1].reshape(30, 2).max(axis=1).sum()
